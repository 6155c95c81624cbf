"""Closed word classes of languages other than English, by the name of their Snowball stemmer.

Articles, pronouns, prepositions, conjunctions and auxiliaries, each list written for memgarden from the language's
grammar. As in English, negations are left out: they turn a statement round. Languages that are not here have a stemmer
only: BM25 itself gives little weight to what stands in most texts.

A change to a list changes the digest in `StandardAnalyzer.name`, so gardens made with the old one are indexed anew.
"""

from __future__ import annotations

__all__ = ["CLOSED_CLASSES"]

ARABIC = """
    في من إلى الى على عن مع منذ حتى خلال بين عند لدى فوق تحت أمام وراء قبل بعد حول دون
    و أو او أم ثم بل لكن ولكن ف أن ان إن أنّ إذا اذا إذ لو كي لكي لأن كما حيث بينما
    أنا انا نحن أنت انت أنتم انتم هو هي هم هن هما هذا هذه هذان هؤلاء ذلك تلك أولئك الذي التي الذين اللواتي ما ماذا
    كيف متى أين اين كم أي اي لماذا هل كان كانت كانوا يكون تكون قد سوف كل بعض به بها له لها لهم فيه فيها منه منها عليه
    عليها إليه إليها أيضا ايضا هنا هناك
"""

CATALAN = """
    el la els les un una uns unes lo al als del dels pel pels de a en amb per sobre sota entre des fins contra cap
    i o però ni que perquè si quan on com qui què quin quina quins quines qual quals mentre doncs
    jo tu ell ella nosaltres vosaltres ells elles em et es ens us li els hi ho me te se nos vos meu meva meus meves teu
    teva seu seva seus seves nostre nostra vostre vostra aquest aquesta aquests aquestes aquell aquella aquells aquelles
    això allò és són era eren ser sóc soc ets som sou estar està estan he has ha hem heu han havia molt molta tot tota
    tots totes altre altra altres també més ja
"""

CZECH = """
    a i o u k ke s se v ve z ze na do od po pro při před přes nad pod mezi bez za u až ale nebo ani že aby když jestli
    protože proto jako než tak také již už jen ještě
    já ty on ona ono my vy oni ony mě mne mi mně tě ti ho mu ji jí je jim nás nám vás vám jeho její jejich můj moje má
    tvůj náš váš svůj své svou ten ta to ti tyto tento tato toto tam tu zde který která které kteří kdo co jak kde kdy
    proč kolik jaký jaká jaké jsem jsi jest jsme jste jsou byl byla bylo byli být bude budu budeme budou by bych bys
    bychom byste všechen všechno všichni každý
"""

DANISH = """
    en et den det de der som af til fra i på med for om over under mellem ved efter før mod uden hos gennem
    og eller men at hvis når da fordi mens så end
    jeg du han hun vi I mig dig ham hende os jer dem sig min mit mine din dit dine hans hendes vores jeres deres sin sit
    sine denne dette disse hvem hvad hvor hvorfor hvordan hvilken hvilket hvilke hvornår man
    er var været være bliver blev har havde haft kan kunne skal skulle vil ville må måtte også her nu alle alt hver
"""

DUTCH = """
    de het een van in op aan met voor door over onder tussen bij naar uit tot om te tegen zonder na sinds tijdens
    en of maar dat als toen omdat want terwijl dus dan
    ik jij je u hij zij ze wij we jullie mij me jou hem haar ons hun hen zich mijn jouw uw zijn onze deze dit die daar
    hier er wie wat waar waarom hoe welke welk wanneer
    is was ben bent waren geweest wordt worden werd werden heeft heb hebt hebben had hadden kan kunnen kon zal zullen
    zou zouden moet moeten mag ook nog al alle elke
"""

ESPERANTO = """
    la de da en al el por per kun sen sur sub super inter ĉe ĝis antaŭ post dum pri kontraŭ tra ĉirkaŭ pro
    kaj aŭ sed ke se ĉar kvankam do ol kiel kiam kie kial kiom kiu kiuj kiun kio kion kia kies
    mi vi li ŝi ĝi ni ili oni si min vin lin ŝin ĝin nin ilin sin mia miaj via viaj lia ŝia ĝia nia niaj ilia sia tiu
    tiuj tio tion ĉi tie tiam tiel ĉiu ĉiuj ĉio iu iuj
    estas estis estos estus esti havas havis ankaŭ nur jam tre pli ĉu
"""

ESTONIAN = """
    ja või aga kuid ning et kui sest nagu siis ka veel juba
    mina sina tema meie teie nemad ma sa ta me te nad mind sind teda meid teid neid mulle sulle talle minu sinu oma see
    need selle nende seda too kes mis kus millal miks kuidas milline mille keda mida
    on oli olen oled oleme olete olid olema olnud oleks saab saan võib peab
    all peal ees taga juures koos ilma enne pärast vastu üle läbi kõik iga
"""

FINNISH = """
    ja tai mutta että jos kun koska vaikka kuin sekä eli niin myös vain vielä jo
    minä sinä hän me te he minua sinua häntä meitä teitä heitä minun sinun hänen meidän teidän heidän minulla sinulla
    hänellä meillä teillä heillä minulle sinulle hänelle tämä tuo se nämä nuo ne tämän tuon sen näiden niiden tätä sitä
    niitä tässä siinä tästä siitä tähän siihen joka jotka jonka jota jossa josta johon mikä mitä missä mistä mihin kuka
    kenen milloin miksi miten
    olla on olen olet olemme olette ovat oli olin olit olivat ollut olisi voi voin pitää
    kanssa ilman ennen jälkeen alla päällä edessä takana kaikki jokainen
"""

FRENCH = """
    le la les un une des du de au aux à en dans sur sous par pour avec sans chez vers entre contre depuis pendant avant
    après et ou mais donc or car que qu si comme quand lorsque puisque parce
    je tu il elle on nous vous ils elles me te se lui leur leurs moi toi soi eux mon ma mes ton ta tes son sa ses notre
    nos votre vos ce cet cette ces ceci cela ça celui celle ceux celles qui quoi où quel quelle quels quelles
    lequel laquelle comment pourquoi y
    est suis es sommes êtes sont était étais étaient étions étiez été être sera seront serait ai as a avons avez ont
    avait avais avaient avoir eu aussi tout toute tous toutes même autre autres ici là
"""

GERMAN = """
    der die das den dem des ein eine einen einem einer eines in im an am auf aus bei beim mit nach von vom zu zum zur
    für durch gegen ohne um über unter vor hinter neben zwischen seit während bis
    und oder aber denn sondern dass daß ob wenn als weil da damit obwohl wie
    ich du er sie es wir ihr mich dich ihn uns euch mir dir ihm ihnen sich mein meine meinen meinem meiner dein deine
    deinen deinem deiner sein seine seinen seinem seiner unser unsere euer eure ihre ihren ihrem ihrer dieser diese
    dieses diesen diesem jener jene jenes welche welcher welches wer wen wem wessen was wo wann warum wohin woher man
    bin bist ist sind seid war warst waren wart gewesen werde wirst wird werden wurde wurden worden habe hast hat haben
    hatte hatten gehabt kann kannst können konnte soll sollen sollte will wollen muss müssen darf auch schon noch nur
    so sehr hier dort alle alles jeder jede jedes
"""

GREEK = """
    ο η το οι τα του της των τον την τους τις ένας μια μία ένα σε στο στη στην στον στους στις στα από με για προς κατά
    μετά παρά χωρίς πριν ως μέχρι ανάμεσα
    και κι ή αλλά όμως ότι πως αν όταν γιατί επειδή ενώ να θα ας που
    εγώ εσύ αυτός αυτή αυτό εμείς εσείς αυτοί αυτές αυτά μου σου μας σας με σε εμένα εσένα αυτού αυτόν αυτήν εκείνος
    εκείνη εκείνο ποιος ποια ποιο ποιοι τι πού πότε πώς πόσο όποιος κάθε όλα όλοι όλες
    είμαι είσαι είναι είμαστε είστε ήμουν ήταν έχω έχεις έχει έχουμε έχετε έχουν είχα είχε είχαν επίσης εδώ εκεί
"""

HINDI = """
    का की के को में से पर ने तक लिए साथ बाद पहले द्वारा बीच ऊपर नीचे
    और या लेकिन मगर कि अगर यदि तो जब तब क्योंकि जैसे भी ही
    मैं तू तुम आप वह वे यह ये हम मुझे तुझे उसे उन्हें इसे इन्हें हमें मेरा मेरी मेरे तेरा तेरी तुम्हारा तुम्हारी आपका आपकी उसका उसकी उसके उनका
    उनकी उनके इसका इसकी इसके हमारा हमारी हमारे अपना अपनी अपने जो जिस जिसे जिन कौन क्या कहाँ कहां कब क्यों कैसे कितना कोई कुछ सब
    है हैं था थी थे हूँ हूं हो होगा होगी होंगे होता होती होते हुआ हुई हुए रहा रही रहे गया गयी गई गए एक यहाँ वहाँ
"""

HUNGARIAN = """
    a az egy és vagy de hanem hogy ha mert mint mivel bár míg akkor is csak már még
    én te ő mi ti ők engem téged őt minket titeket őket nekem neked neki nekünk nektek nekik ez azt ezt azok ezek ennek
    annak ebben abban erre arra aki ami amely akik amik kik ki mit hol mikor miért hogyan milyen melyik mennyi hová
    honnan vagyok vagy van vagyunk vagytok vannak volt voltam voltál voltak lesz lesznek lenne lenni
    alatt fölött között mellett előtt után nélkül mögött szerint által itt ott minden
"""

INDONESIAN = """
    di ke dari pada untuk dengan oleh dalam antara tanpa atas bawah sejak sampai hingga tentang bagi kepada
    dan atau tetapi tapi namun karena jika kalau bahwa ketika saat sambil agar supaya maka seperti
    saya aku kamu anda dia ia kami kita mereka ini itu sini situ sana yang siapa apa mana kapan mengapa bagaimana berapa
    adalah ialah ada akan sudah telah sedang bisa dapat harus juga lagi pun para semua setiap si sang
"""

ITALIAN = """
    il lo la i gli le l un uno una di a da in con su per tra fra del dello della dei degli delle dell al allo alla ai
    agli alle all dal dallo dalla dai dagli dalle dall nel nello nella nei negli nelle nell sul sullo sulla sui sugli
    sulle sull col
    e ed o ma però che se quando mentre perché come dove anche quindi
    io tu lui lei noi voi loro mi ti si ci vi me te ne li mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro
    nostra nostri nostre vostro vostra questo questa questi queste quello quella quelli quelle quel chi cui quale quali
    cosa
    è sono sei siamo siete era ero eri erano essere stato stata stati state sarà ho hai ha abbiamo avete hanno aveva
    avevo avevano avere tutto tutta tutti tutte altro altra altri altre qui lì
"""

NORWEGIAN = """
    en et ei den det de der som av til fra i på med for om over under mellom ved etter før mot uten hos gjennom
    og eller men at hvis når da fordi mens så enn
    jeg eg du han hun vi dere meg deg ham henne oss dem seg min mitt mine din ditt dine hans hennes vår vårt våre deres
    sin sitt sine denne dette disse hvem hva hvor hvorfor hvordan hvilken hvilket hvilke man
    er var vært være blir ble har hadde hatt kan kunne skal skulle vil ville må måtte også her nå alle alt hver
"""

PERSIAN = """
    در به از با بر برای تا بین زیر روی پس پیش بدون درباره
    و یا اما ولی که اگر چون زیرا وقتی هم نیز
    من تو او ما شما آنها آنان ایشان این آن اینها همین همان خود را کی کجا چه چرا چگونه کدام چند هر همه
    است هست هستم هستی هستیم هستند بود بودم بودند باشد شد شده شود می ای یک اینجا آنجا
"""

POLISH = """
    w we z ze na do od po pod nad przed przy przez dla o u bez za między ku
    i a ale lub albo oraz że żeby aby gdy jeśli jeżeli bo ponieważ więc niż jak czy to też także już jeszcze
    ja ty on ona ono my wy oni one mnie mi ciebie cię ci jego go jemu mu jej ją nas nam was wam ich im się siebie sobie
    mój moja moje twój twoja nasz wasz swój swoją ten ta te tego tej tym tych tam tu który która które którzy którego
    kto co gdzie kiedy dlaczego ile jaki jaka jakie
    jestem jesteś jest jesteśmy są był była było byli były być będę będzie będą by każdy wszystko wszyscy
"""

PORTUGUESE = """
    o a os as um uma uns umas de do da dos das em no na nos nas ao aos à às por pelo pela pelos pelas para com sobre sob
    entre desde até contra após
    e ou mas que se quando porque como onde enquanto pois
    eu tu ele ela nós vós eles elles elas você vocês me te lhe nos vos lhes mim ti si meu minha meus minhas teu tua teus
    tuas seu sua seus suas dele dela deles delas nosso nossa nossos nossas este esta estes estas esse essa esses essas
    aquele aquela aqueles aquelas isto isso aquilo quem qual quais quanto
    é sou és somos são era eram foi foram ser sendo sido está estou estão estava estavam estar há tem tenho têm tinha
    tinham ter também já todo toda todos todas outro outra outros outras aqui ali
"""

ROMANIAN = """
    un o unei unui unor cel cea cei cele al ai ale de la în din pe cu pentru prin sub peste între până către fără după
    înainte despre lângă
    și si sau dar iar ci că dacă când deși deoarece deci ca să
    eu tu el ea noi voi ei ele mă te se ne vă îl îi le îmi îți își mie ție lui mine tine sine meu mea mei mele tău ta
    său sa lor nostru noastră vostru acest această acești aceste acel acea acei acele asta ăsta care cine ce cui unde
    cum cât
    sunt ești este e suntem sunteți era eram erau fi fost am ai a are avem aveți au avea va voi vor ar aș și tot toată
    toți toate fiecare aici acolo
"""

RUSSIAN = """
    в во на с со к ко у о об обо от до из изо по под за для при про без над перед через между после около
    и а но или да что чтобы если когда как потому так то же ли бы ведь хотя тоже также уже еще ещё
    я ты он она оно мы вы они меня мне мной тебя тебе тобой его ему им нем нём ее её ей ней нее неё нас нам нами вас вам
    вами их ими них себя себе мой моя мое моё мои твой твоя твои наш наша наше наши ваш ваша ваши свой своя свое своё
    свои этот эта это эти этого этой этом этих тот та те того той том тех который которая которое которые которого кто
    чей где куда откуда почему зачем сколько какой какая какое какие
    есть был была было были быть буду будет будем будут весь вся все всё всех каждый тут там
"""

SERBIAN = """
    u na iz sa s od do po za pod nad pred kod bez o ka između preko kroz
    i a ali ili da ako kad kada jer dok pa nego što kao li
    ja ti on ona ono mi vi oni one mene me meni tebe te tebi njega ga njemu mu nje nju joj nas nam vas vam njih ih im se
    sebe sebi moj moja moje tvoj njegov njen naš vaš svoj ovaj ova ovo ovi taj ta to onaj onda koji koja koje ko tko šta
    gde gdje zašto koliko kakav
    sam si je smo ste su bio bila bilo bili biti bih bi bismo će ću ćemo svi sve svaki
    у на из са с од до по за под над пред код без о и а али или да ако кад када јер док па него што као ли ја ти он она
    оно ми ви они мене ме тебе њега га му њу јој нас нам вас вам њих их им се мој твој овај ова ово тај та то који која
    које ко шта где зашто сам си је смо сте су био била било били бити
"""

SPANISH = """
    el la los las un una unos unas lo de del a al en por para con sobre bajo entre desde hasta contra según tras durante
    y e o u pero que si cuando porque como donde mientras pues aunque
    yo tú tu él ella nosotros nosotras vosotros ellos ellas usted ustedes me te se nos os le les mí ti sí mi mis tus su
    sus nuestro nuestra nuestros nuestras vuestro este esta estos estas ese esa esos esas aquel aquella aquellos
    aquellas esto eso aquello quien quién quienes cual cuál cuales qué cómo dónde cuándo cuánto
    es soy eres somos son era eras eran fue fueron ser sido siendo está estoy están estaba estaban estar hay he has ha
    hemos han había habían haber también ya todo toda todos todas otro otra otros otras aquí allí
"""

SWEDISH = """
    en ett den det de som av till från i på med för om över under mellan vid efter före mot utan hos genom
    och eller men att om när då eftersom medan så än
    jag du han hon vi ni mig dig honom henne oss er dem sig min mitt mina din ditt dina hans hennes vår vårt våra deras
    sin sitt sina denna detta dessa vem vad var varför hur vilken vilket vilka man
    är vara varit blir blev har hade haft kan kunde ska skall skulle vill ville måste också här nu alla allt varje
"""

TURKISH = """
    ve veya ya da de ki ama fakat ancak çünkü eğer ile için gibi kadar göre sonra önce doğru karşı beri dolayı üzere
    ben sen o biz siz onlar beni seni onu bizi sizi onları bana sana ona bize size onlara benim senin onun bizim sizin
    onların bende sende onda benden senden ondan bu şu bunlar şunlar bunu şunu buna bunun kim ne nerede nereye nasıl
    neden niçin niye hangi kaç mi mı mu mü bir her bütün tüm dir dır idi ise olan olarak var çok daha en burada orada
"""

CLOSED_CLASSES = {
    language: frozenset(words.split())
    for language, words in {
        "arabic": ARABIC,
        "catalan": CATALAN,
        "czech": CZECH,
        "danish": DANISH,
        "dutch": DUTCH,
        "esperanto": ESPERANTO,
        "estonian": ESTONIAN,
        "finnish": FINNISH,
        "french": FRENCH,
        "german": GERMAN,
        "greek": GREEK,
        "hindi": HINDI,
        "hungarian": HUNGARIAN,
        "indonesian": INDONESIAN,
        "italian": ITALIAN,
        "norwegian": NORWEGIAN,
        "persian": PERSIAN,
        "polish": POLISH,
        "portuguese": PORTUGUESE,
        "romanian": ROMANIAN,
        "russian": RUSSIAN,
        "serbian": SERBIAN,
        "spanish": SPANISH,
        "swedish": SWEDISH,
        "turkish": TURKISH,
    }.items()
}
