"""What sort of text a text is can be told from a page of it."""

from __future__ import annotations

import pytest

from memgarden.chunk.detect import detect

SAMPLES = {
    "conversation": [
        "Ann: Did you book the ferry?\nBen: Not yet.\nAnn: They fill up in June.\nBen: I'll do it tonight.",
        "[2024-05-01 09:12] Ann Lee: hi\n[2024-05-01 09:13] Ben: hi!\nhow was it?\n[2024-05-01 09:20] Ann Lee: ok",
        "01/05/24, 10:00 - Ann: on my way\n01/05/24, 10:04 - Ben: ok\n01/05/24, 10:05 - Ann: 5 min",
        "<ann> is the build red?\n<ben> yes\n<ann> again?\n<ben> the same test",
        "User: Write a haiku.\n\nAssistant: Rain on the roof,\nthe cat looks up.\n\nUser: Again.\n\nAssistant: No.",
        "**Ann:** Shall we?\n\n**Ben:** Yes, at noon.\n\n**Ann:** Good.\n\n**Ben:** Bye.",
        "## Session 1\n\nAnn: Hello.\nBen: Hello.\nAnn: How are you?\n\n## Session 2\n\nBen: Back again.\nAnn: Good.",
        "Ann (10:02): hi\nBen (10:03): hi\nAnn (10:09): lunch?\nBen (10:10): sure",
        "小明：你好。\n小红：你好！\n小明：吃饭了吗？\n小红：吃了。",
    ],
    "technical": [
        "# Install\n\nRun the installer as root.\n\n## Settings\n\nThe port is 8080.",
        "To install it:\n\n```bash\npip install memgarden\n```\n\nThen open a garden.",
        "Overview\n========\n\nA pump moves water.\n\nLimits\n------\n\nNo more than 40 litres a minute.",
        "# Changelog\n\n- Faster.\n- Smaller.",
        '---\ntitle: Guide\ntags: [a]\n---\n\n# Guide\n\nRead.\n\n## Next\n\n```python\nimport os\nprint("x")\n```\n',
        "# API\r\n\r\nSend a request.\r\n\r\n## Errors\r\n\r\n| code | means |\r\n|---|---|\r\n| 404 | gone |\r\n",
    ],
    "code": [
        'import os\n\n\ndef main(path: str) -> int:\n    """Count the files.\n\n    Here.\n    """\n    # all of them\n'
        "    return len(os.listdir(path))\n",
        "class Point:\n    x: int = 0\n\n    def move(self, by):\n        self.x += by\n        return self\n",
        "# A script.\n# It has more comments than code.\n# Much more.\nx = 1\nprint(x)\n",
        'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi")\n}\n',
        "export function add(a, b) {\n  const sum = a + b;\n  return sum;\n}\n\nconst y = (x) => {\n  return x;\n};\n",
        "public class Main {\n  public static void main(String[] args) {\n    System.out.println(1);\n  }\n}\n",
        "pub fn add(a: i32, b: i32) -> i32 {\n    let mut s = a;\n    s += b;\n    s\n}\n",
        '#include <stdio.h>\n\nint main(void) {\n  int x = 3;\n  printf("%d", x);\n  return 0;\n}\n',
        "SELECT name, age\nFROM people\nWHERE age > 3;\n\nUPDATE people SET a = 4;\nDELETE FROM people WHERE a = 5;\n",
        '{\n  "name": "memgarden",\n  "size": 3,\n  "tags": [\n    "a"\n  ]\n}\n',
    ],
    "prose": [
        "It was the last house on the road. Nobody had lived there for years, and the garden had gone to seed.",
        "Dear Ann,\n\nthank you for the figs: they were the best so far. We return from Lisbon in May.\n\nBen",
        "Note: the meeting is on Monday. Agenda: budget.\nPlease bring your own figures, and for once be on time.",
        "Name: Ann\nAge: 40\nCity: Lisbon\nLikes: figs, rain, the sea and long letters from her brother",
        "Milk, eggs and flour\nimport duties are to be paid\nfrom Monday on, and if it rains\na week, return it",
        "我在里斯本住了三年。后来我搬到了波尔图，因为那里的房租比较便宜。",
        "#garden #figs are the best thing about August",
        "",
        "   \n\n ",
        "🌱",
        "\ud83d\0",
    ],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SAMPLES.items() for text in texts])
def test_a_sample_is_told(kind: str, text: str) -> None:
    """By its turns, its outline, its lines; whatever is nothing else is prose."""
    assert detect(text) == kind


@pytest.mark.parametrize("kind", ["conversation", "technical", "code", "prose"])
@pytest.mark.parametrize("rest", ["conversation", "technical", "code", "prose"])
def test_only_the_beginning_is_read(kind: str, rest: str) -> None:
    """So a book is told by its first chapter, as quickly as that, whatever follows."""
    page = SAMPLES[kind][0] + "\n\n"
    assert detect(page * (20_000 // len(page)) + SAMPLES[rest][0] * 1000) == kind
