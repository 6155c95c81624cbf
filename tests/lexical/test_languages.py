"""Every language: what was typed is found, and so are other forms of its words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest
import Stemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import Garden, InvalidSetting, MissingExtra, Scope
from memgarden.index.scope_index import ScopeIndex
from memgarden.lexical.analyzer import StandardAnalyzer
from memgarden.lexical.bm25 import BM25
from memgarden.lexical.closed_classes import CLOSED_CLASSES
from memgarden.lexical.languages import CODES, NONE, STEMMED, UNSTEMMED, DetectedLanguages, OneLanguage
from memgarden.lexical.stopwords import STOP_LISTS, closed_classes
from memgarden.protocols import LexicalRows
from memgarden.records import ROW
from memgarden.retrieve.words import rank_words
from tests.lexical.inflected import SENTENCES

OPEN = Callable[..., Garden]
AUTO = DetectedLanguages()
THERE = [language for language in SENTENCES if language in Stemmer.algorithms()]
DETECTED = [language for language in THERE if language in STEMMED.values()]


def found(scope: Scope, query: str) -> list[str]:
    """The ids that BM25 finds."""
    return [hit.id for hit in scope.search(query, k=50, mode="lexical")]


def test_every_snowball_language_has_a_sentence_here() -> None:
    """So that a new stemmer does not go unnoticed; porter and dutch_porter are older ones of two languages."""
    assert set(Stemmer.algorithms()) - {"porter", "dutch_porter"} <= SENTENCES.keys()
    assert set(CODES) - {NONE} | {"yiddish"} == SENTENCES.keys()


@pytest.mark.parametrize("language", THERE)
def test_another_form_of_a_word_finds_the_text_where_the_language_is_set(language: str) -> None:
    """And without the stemmer it does not, so it is the stemmer that finds it."""
    text, query = SENTENCES[language]
    analyzer = StandardAnalyzer(language)
    assert set(analyzer.query(query)[0].tolist()) <= set(analyzer.index(text)[0]["term"].tolist())
    plain = StandardAnalyzer(None)
    assert not set(plain.query(query)[0].tolist()) & set(plain.index(text)[0]["term"].tolist())


def test_another_form_of_a_word_finds_the_text_where_languages_are_detected(open_garden: OPEN) -> None:
    """All languages in one scope, added in one call and added one by one."""
    garden = open_garden(language="auto")
    together, alone = garden.scope("together"), garden.scope("alone")
    texts = [{"text": SENTENCES[language][0], "id": language} for language in DETECTED]
    together.add_many(texts)
    for text in texts:
        alone.add(text["text"], id=text["id"])
    for scope in (together, alone):
        assert {language for language in DETECTED if language in found(scope, SENTENCES[language][1])} == set(DETECTED)


def test_a_garden_of_a_set_language_finds_other_forms_of_its_words(open_garden: OPEN) -> None:
    """And only that language's."""
    scope = open_garden(language="german").scope("alice")
    scope.add_many([{"text": text, "id": language} for language, (text, _) in SENTENCES.items()])
    assert "german" in found(scope, "Haus") and "italian" not in found(scope, "casa")


@pytest.mark.parametrize("words", [2, 3, 5, 100])
def test_the_beginning_of_a_sentence_is_taken_for_no_other_language(words: int) -> None:
    """Where a text does not show its language, none is guessed; whole sentences show it."""
    for language in DETECTED:
        text = " ".join(SENTENCES[language][0].split()[:words])
        # Undecided, it takes that of the others: here of whichever of two is not its own.
        others = [SENTENCES["dutch" if language != "dutch" else "greek"][0]] * 2
        told = CODES[AUTO.detect([text, *others])[0]]
        assert told in ((language,) if words == 100 else (language, "dutch", "greek"))


def test_an_undecided_text_takes_the_language_of_most_texts_of_its_call() -> None:
    """And is English where none of them shows one."""
    german, french = (SENTENCES[language][0] for language in ("german", "french"))
    assert AUTO.detect(["ok", "", "1234", "https://a.example/c"]) == [0, 0, 0, 0]
    assert [CODES[code] for code in AUTO.detect(["ok", german, french, german])] == [
        "german",
        "german",
        "french",
        "german",
    ]
    assert list(AUTO.detect([])) == []


def test_the_language_of_a_text_without_a_stemmer_is_none() -> None:
    """Nobody's stemmer is put to it."""
    texts = [
        "猫が好きです",
        "나는 고양이를 좋아한다",
        "我非常喜欢我的猫",
        "Tôi rất thích con mèo của bạn tôi",
        "Привіт, як у тебе справи?",
    ]
    assert [CODES[code] for code in AUTO.detect(texts)] == [NONE] * len(texts)


# language, what is stored, what is asked
AS_TYPED = {
    "Chinese": ("我在上海买了一本关于猫的书", ["猫", "上海", "关于猫的书"]),
    "Japanese": ("昨日、東京でラーメンを食べました", ["東京", "ラーメン", "食べました", "ラーメン"]),
    "Korean": ("어제 학교에서 친구를 만났습니다", ["학교", "학교에서", "친구", "만났습니다"]),
    "Thai": ("ฉันชอบข้าวผัดมาก", ["ข้าวผัด", "ชอบ"]),
    "Arabic": ("زرت المَكْتَبَة الجديدة مع صديقي أمس", ["المَكْتَبَة", "المكتبة", "مكتبة", "الجديدة"]),
    "Hebrew": ("אתמול קניתי ספר חדש בירושלים", ["ספר", "בירושלים"]),
    "Hindi": ("मुझे हिन्दी की किताबें और क़लम पसंद हैं", ["हिन्दी", "किताबें", "क़लम", "क\u093cलम"]),
    "Russian": ("Мы купили ёлку и ещё чёрный чай в Москве", ["ёлку", "елку", "чёрный", "черный", "МОСКВЕ", "ещё"]),
    "Ukrainian": ("Учора ми їздили до Києва і їли смачний борщ", ["їздили", "Києва", "борщ"]),
    "Greek": ("Χθες πήγαμε στην Αθήνα με τους φίλους μας", ["Αθήνα", "ΑΘΗΝΑ", "αθηνα", "φίλους", "ΦΙΛΟΥΣ"]),
    "Vietnamese": ("Hôm qua tôi ăn phở ở Hà Nội với bạn bè", ["phở", "Hà Nội", "PHỞ"]),
    "Turkish": ("Dün İstanbul'da ışıklı bir ısıtıcı aldık ve IRMAK kenarında yürüdük, IBM yok",
                ["İstanbul", "istanbul", "İSTANBUL", "ışıklı", "IŞIKLI", "ısıtıcı", "ırmak", "IRMAK", "IBM", "ibm"]),
    "German": ("Gestern haben wir auf der großen Straße Käse und Äpfel gekauft",
               ["Straße", "STRASSE", "strasse", "Käse", "KÄSE", "Äpfel", "großen"]),
    "French": ("Hier nous avons mangé des crêpes à l'hôtel près de la forêt", ["crêpes", "l'hôtel", "hôtel", "FORÊT"]),
    "Spanish": ("Mañana iremos con el niño a la montaña en autobús", ["Mañana", "niño", "autobús", "montañas"]),
    "Polish": ("Wczoraj piliśmy gorącą herbatę w Łodzi ze znajomymi", ["gorącą", "Łodzi", "herbatę", "ŁODZI"]),
    "full width": ("The model ＡＢＣ１２３ is sold out", ["ABC123", "ＡＢＣ１２３", "abc123"]),
    "half width": ("カタカナの ﾗｰﾒﾝ です", ["ラーメン", "ﾗｰﾒﾝ"]),
    "mixed": ("Meine Python脚本 läuft auf dem 服务器 seit gestern", ["Python", "脚本", "服务器", "läuft"]),
}  # fmt: skip


@pytest.mark.parametrize("language", ["auto", "english", "none"])
def test_what_was_typed_is_found_as_typed(open_garden: OPEN, language: str) -> None:
    """In whatever script and normal form it was stored, and in whatever it is asked."""
    scope = open_garden(language=language).scope("alice")
    for name, (text, queries) in AS_TYPED.items():
        scope.add(unicodedata.normalize("NFD" if len(name) % 2 else "NFC", text), id=name)
        typed = [
            query for query in queries if unicodedata.normalize("NFC", query) in unicodedata.normalize("NFC", text)
        ]
        assert typed
        for query in typed:
            for form in ("NFC", "NFD"):
                assert name in found(scope, unicodedata.normalize(form, query)), (name, query, form)


def test_spellings_that_a_language_takes_for_one_find_each_other(open_garden: OPEN) -> None:
    """Diacritics and the article of Arabic, ё and е, Greek accents, the two letters i of Turkish, ß and ss."""
    scope = open_garden(language="auto").scope("alice")
    for name, (text, _) in AS_TYPED.items():
        scope.add(text, id=name)
    missed = {
        name: [query for query in queries if name not in found(scope, query)] for name, (_, queries) in AS_TYPED.items()
    }
    assert {name: queries for name, queries in missed.items() if queries} == {}


def test_a_word_of_one_language_that_is_a_stop_word_of_another_is_found_in_both(open_garden: OPEN) -> None:
    """`die` is an article in German and no small thing in English."""
    scope = open_garden(language="auto").scope("alice")
    scope.add("The roses in our garden will die when the winter comes", id="english")
    scope.add("Gestern haben wir die alten Häuser am Hafen angesehen", id="german")
    scope.add("Gestern haben wir auf dem Markt frisches Brot gekauft", id="other")
    assert sorted(found(scope, "die")) == ["english", "german"]
    assert found(scope, "the rose died") == ["english"]
    assert found(scope, "das alte Haus") == ["german"]


def test_a_text_is_not_found_by_what_the_query_means_to_another_language(open_garden: OPEN) -> None:
    """`running` is a form of `run` in English texts only."""
    scope = open_garden(language="auto").scope("alice")
    scope.add(SENTENCES["english"][0], id="english")
    scope.add("Gestern gab es wegen der Gerüchte einen Run auf die alten Banken der Stadt", id="german")
    assert found(scope, "running") == [] and found(scope, "run") == ["german"]


def test_a_language_is_asked_in_from_its_first_text_on(open_garden: OPEN) -> None:
    """And the earlier ones still are, in an index that is in use meanwhile."""
    scope = open_garden(language="auto").scope("alice")
    for number, language in enumerate(DETECTED):
        scope.add(SENTENCES[language][0], id=language)
        for known in (language, DETECTED[0], DETECTED[number // 2]):
            assert known in found(scope, SENTENCES[known][1])


def test_a_language_whose_stemmer_is_missing_is_not_stemmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older PyStemmer has fewer."""
    monkeypatch.setattr(Stemmer, "algorithms", lambda: ["english", "german"])
    fewer = DetectedLanguages()
    codes = fewer.detect([SENTENCES[language][0] for language in ("german", "french")])
    assert [CODES[code] for code in codes] == ["german", NONE]
    assert fewer.analyzer(codes[1]).name == StandardAnalyzer(None, None).name


def test_a_language_is_kept_when_what_is_changed_is_not_the_text(open_garden: OPEN) -> None:
    """Also by a process that opens the garden anew, which knows the language without being told."""
    text, query = SENTENCES["german"]
    scope = open_garden(language="auto").scope("alice")
    scope.add_many([{"text": "ok Häuser", "id": "short"}, {"text": text, "id": "long"}])
    scope.update("short", tags=["new"], kind="turn", metadata={"speaker": "Ann", "session_id": "s"})
    again = open_garden().scope("alice")
    assert sorted(found(again, query)) == ["long", "short"]
    again.update("long", text=SENTENCES["french"][0])
    assert found(again, query) == ["short"] and found(again, "maison") == ["long"]


def test_what_a_turn_states_is_counted_in_its_own_language(open_garden: OPEN) -> None:
    """A turn of German stop words states nothing."""
    garden = open_garden(language="auto")
    scope = garden.scope("alice")
    said = "Wir haben das auch, aber wo ist denn das, und warum hat er es?"
    scope.add_conversation([{"role": "user", "content": said}, {"role": "user", "content": said[:-1]}], session_id="s")
    first, second = (hit.legs for hit in sorted(scope.search(said), key=lambda hit: hit.text, reverse=True))
    stated = [leg.score for legs in (first, second) for leg in legs if leg.leg == "stated"]
    assert stated == [0, 0]


def test_a_garden_stays_with_detection(open_garden: OPEN) -> None:
    """It is settled when the garden is made, as any language."""
    open_garden(language="auto").close()
    assert open_garden().health().language == "auto"
    with pytest.raises(InvalidSetting, match="language is 'auto'"):
        open_garden(language="german")


def test_a_name_that_is_no_language_makes_no_garden(open_garden: OPEN) -> None:
    """The next opening is free to choose."""
    with pytest.raises(InvalidSetting, match="klingon"):
        open_garden(language="klingon")
    assert open_garden(language="french").health().language == "french"


def test_detection_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the garden is opened, before anything is stored."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"py3langid.*'languages'"):
        DetectedLanguages()


def test_the_name_tells_what_each_languages_terms_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same every time, and another if one language's stop words or the stemmers change."""
    assert AUTO.name == DetectedLanguages().name != OneLanguage("english").name
    assert OneLanguage("english").name == StandardAnalyzer().name
    with monkeypatch.context() as changed:
        changed.setitem(CLOSED_CLASSES, "german", CLOSED_CLASSES["german"] | {"neulich"})
        assert DetectedLanguages().name != AUTO.name
    with monkeypatch.context() as changed:
        changed.setattr(Stemmer, "algorithms", lambda: ["english", "german"])
        assert DetectedLanguages().name != AUTO.name


def test_a_number_stands_for_one_language_for_ever() -> None:
    """Gardens hold them: names may only be added, at the end."""
    assert (CODES[0], CODES[1], CODES[13], CODES[33]) == ("english", NONE, "german", "turkish")
    assert len(set(CODES)) == len(CODES) and set(STEMMED.values()) <= set(CODES)
    assert not set(STEMMED) & set(UNSTEMMED)


def test_a_text_has_its_language_whichever_thread_adds_it() -> None:
    """The model is shared and not changed by use."""
    texts = [text for text, _ in SENTENCES.values()]
    fresh = DetectedLanguages()
    with ThreadPoolExecutor(4) as pool:
        assert all(codes == AUTO.detect(texts) for codes in pool.map(lambda _: list(fresh.detect(texts)), range(8)))


NEGATIONS = {
    "arabic": "لا", "catalan": "no", "czech": "ne", "danish": "ikke", "dutch": "niet", "esperanto": "ne",
    "estonian": "ei", "finnish": "ei", "french": "pas", "german": "nicht", "greek": "δεν", "hindi": "नहीं",
    "hungarian": "nem", "indonesian": "tidak", "italian": "non", "norwegian": "ikke", "polish": "nie",
    "portuguese": "não", "romanian": "nu", "russian": "не", "serbian": "ne", "spanish": "no", "swedish": "inte",
    "turkish": "değil", "persian": "نه",
}  # fmt: skip


@pytest.mark.parametrize("language", CLOSED_CLASSES)
def test_a_list_holds_words_as_they_are_compared(language: str) -> None:
    """One word each, no negation that a search would lose, and enough of them to be of use."""
    words = CLOSED_CLASSES[language]
    assert 50 <= len(words) <= 220 and language in Stemmer.algorithms()
    assert NEGATIONS[language] not in words
    texts = [" ".join(words)]
    if language not in ("greek", "turkish"):  # whose capitals Python does not know
        texts.append(texts[0].upper())
    for text in texts:
        assert StandardAnalyzer(language).index(text)[1] == 0


def test_a_language_without_a_list_has_no_stop_words() -> None:
    """The English words are for English, and for gardens without a language."""
    assert closed_classes("armenian") == frozenset() and closed_classes("porter") == STOP_LISTS["long"]
    assert closed_classes(None) == STOP_LISTS["long"] and closed_classes("dutch_porter") == CLOSED_CLASSES["dutch"]


WORDS = st.one_of(
    st.text(min_size=1, max_size=12),
    st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=12),
    st.sampled_from([word for text, _ in SENTENCES.values() for word in text.split()]),
)


class Held:
    """What `rank_words` needs of a scope's index."""

    def __init__(self, texts: list[str]) -> None:
        codes = AUTO.detect(texts)
        analysed = [AUTO.analyzer(code).index(text) for code, text in zip(codes, texts, strict=True)]
        self.rows = np.zeros(len(texts), dtype=ROW)
        self.rows["language"] = codes
        self.languages = tuple(sorted(set(codes)))
        self.lexical = BM25()
        postings, lengths = zip(*analysed, strict=True)
        sizes = np.array(list(map(len, postings)))
        self.lexical.add(LexicalRows(np.concatenate(postings), sizes, np.array(lengths)))


@settings(max_examples=150)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=6), st.data())
def test_every_word_of_a_text_asked_alone_finds_it(texts: list[str], data: st.DataObject) -> None:
    """In any script, among texts of any languages; scores are at most the ceiling, and a masked row stays away."""
    index: ScopeIndex = Held(texts)  # type: ignore[assignment]
    everything = np.ones(len(texts), dtype=np.bool_)
    for row, text in enumerate(texts):
        for word in text.split():
            ranking = rank_words(index, word, AUTO, everything, 50)
            scores = ranking.score_of(np.arange(len(texts)))
            if len(StandardAnalyzer(None).query(word)[0]):
                assert row in ranking.rows.tolist() and scores[row] > 0
            assert ranking.rows.tolist() == sorted(scores.nonzero()[0].tolist(), key=lambda at: (-scores[at], at))
            assert scores.max() <= ranking.ceiling * (1 + 1e-6)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))))
    assert mask[rank_words(index, texts[0], AUTO, mask, 50).rows].all()


def test_times_are_asked_in_the_turns_language(open_garden: OPEN) -> None:
    """A turn is indexed with its date, which is found whatever it is said in."""
    scope = open_garden(language="auto").scope("alice")
    message = {"role": "user", "name": "Jürgen", "content": SENTENCES["german"][0]}
    scope.add_conversation([message | {"timestamp": datetime(2024, 5, 1, tzinfo=UTC)}], session_id="s")
    scope.add(SENTENCES["english"][0])
    assert len(found(scope, "May 2024")) == len(found(scope, "Jürgen")) == 1
