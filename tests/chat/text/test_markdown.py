"""Messages as HTML: what a person meant is shown, and nothing gets through that was not meant to."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.mentions import store_mention, write_names, write_names_in_html
from app.chat.text.highlighting import LEXERS, LONGEST_CODE, open_lexer
from app.chat.text.markdown import Rendered, render_markdown
from app.chat.text.rendering import PROSE, render_prose
from app.web.markdown.commonmark import HIGHLIGHTED

ORIGIN = "http://acme.hero.localhost:8000"
MEMBERS = {"Ana": 1, "Bruno": 2, "Ana Souza": 3, "José": 4, "Weiß": 5, "J. D'Ávila-Costa": 6, "山田": 7}
OUT = 'rel="noopener noreferrer nofollow" target="_blank"'
ATTRIBUTES = {
    "a": {"href", "rel", "target", "class"},
    "span": {"class", "data-member"},
    "ol": {"start"},
    "div": {"class", "tabindex"},
    "input": {"type", "disabled", "checked"},
    "label": {"class"},
    **{tag: {"class"} for tag in ("td", "th")},
    **{tag: set() for tag in ("table", "tbody", "thead", "tr")},
    **{tag: set() for tag in ("blockquote", "br", "code", "em", "hr", "li", "p", "pre", "s", "strong", "ul")},
}
CLASSES = {"record-link", "mention", "mention everybody", "mention quoted", "mention quoted everybody"}
CLASSES |= {"table", "right", "centred", "task", *HIGHLIGHTED}
FORBIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Page(HTMLParser):
    """What a browser finds in HTML: elements with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.other = False
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("br", "hr", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def unknown_decl(self, data: str) -> None:
        self.other = True

    def handle_comment(self, data: str) -> None:
        self.other = True

    def handle_decl(self, decl: str) -> None:
        self.other = True

    def handle_pi(self, data: str) -> None:
        self.other = True


def plain_text(text: str) -> str:
    """What is stored beside a message."""
    return render_markdown(text, members={}, origin="").plain


def rendered(text: str) -> Rendered:
    return render_markdown(text, members=MEMBERS, origin=ORIGIN)


def inner(text: str) -> str:
    """The HTML of a message of one paragraph."""
    html = rendered(text).html.strip()
    assert html.startswith("<p>")
    assert html.endswith("</p>")
    return html[3:-4]


def check_safe(html: str) -> Page:
    """Fail unless the HTML holds nothing but what messages are made of."""
    page = Page(html)
    assert not page.open
    assert not page.other
    assert not FORBIDDEN.search(html)
    links = 0
    for tag, attributes in page.elements:
        assert attributes.keys() <= ATTRIBUTES[tag]
        if "class" in attributes:
            assert attributes["class"] in CLASSES
        if tag == "a":
            links += 1
            href = attributes["href"] or ""
            assert re.match(r"(?i)https?://[^/]|mailto:[^/]|/(?![/\\])", href)
            own = href.startswith("/")
            assert attributes.get("rel") == (None if own else "noopener noreferrer nofollow")
            assert attributes.get("target") == ("_blank" if href.lower().startswith("http") else None)
        if tag == "input":
            assert attributes == {"type": "checkbox", "disabled": ""} | (
                {"checked": ""} if "checked" in attributes else {}
            )
    assert links == html.count("</a>")
    assert not re.search(r"<a [^>]*>(?:(?!</a>).)*<a ", html, re.DOTALL), "a link in a link"
    return page


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("*a* **b** ~~c~~ `d < e`", "<em>a</em> <strong>b</strong> <s>c</s> <code>d &lt; e</code>"),
        ("one\ntwo", "one<br>\ntwo"),
        ("one\r\ntwo\rthree", "one<br>\ntwo<br>\nthree"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("2**3**4, 2~~3~~4, a*b and c*d", "2**3**4, 2~~3~~4, a*b and c*d"),
        ("*2*3* un*believ*able", "<em>2*3</em> un*believ*able"),
        ("2*(3+4)*5 = 70, 5 * 6 * 7", "2*(3+4)*5 = 70, 5 * 6 * 7"),
        ("这是**重要**的", "这是<strong>重要</strong>的"),
        *((mark, mark) for mark in ("-", "+", "*", "1.", "2)", "#", "###", "```")),
        ("&gt;", "&gt;"),
        ("so\n-", "so<br>\n-"),
        ("so\n=", "so<br>\n="),
        ("-\n\nno list", "-</p>\n<p>no list"),
        (r"\*not\* &amp; &copy;", "*not* &amp; ©"),
        ("# Title", "<strong>Title</strong>"),
        ("###### Small *one*", "<strong>Small <em>one</em></strong>"),
        ("Title\n===", "<strong>Title</strong>"),
        ("#no heading", "#no heading"),
        ("[name]", "[name]"),
        ("👩‍👩‍👧 🇧🇷 ❤️", "👩‍👩‍👧 🇧🇷 ❤️"),
        ("مرحبا שלום", "مرحبا שלום"),
    ],
)
def test_marks_become_what_they_mean_in_a_chat(typed: str, html: str) -> None:
    assert inner(typed) == html


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("", ""),
        ("> q", "<blockquote>\n<p>q</p>\n</blockquote>"),
        (">", "<p>&gt;</p>"),
        ("> a\n>\n> b", "<blockquote>\n<p>a</p>\n<p>b</p>\n</blockquote>"),
        ("- a\n-\n- b", "<ul>\n<li>a</li>\n<li></li>\n<li>b</li>\n</ul>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("```text\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("    <i>", "<pre><code>&lt;i&gt;\n</code></pre>"),
        ("a\n\n***\n\nb", "<p>a</p>\n<hr>\n<p>b</p>"),
    ],
)
def test_blocks_are_quotes_lists_code_and_rules(typed: str, html: str) -> None:
    assert rendered(typed).html.strip() == html


@pytest.mark.parametrize("mark", ["> ", ">", "- ", "1. ", "> - ", "* 1) "])
def test_what_is_nested_too_deep_is_still_shown(mark: str) -> None:
    html = rendered(mark * 200 + "the end").html
    assert "the end" in check_safe(html).text
    assert 5 <= html.count("<blockquote>") + html.count("<li>") <= 10


# Links


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("[words](https://example.org/a?b=1&c=2)", f'<a href="https://example.org/a?b=1&amp;c=2" {OUT}>words</a>'),
        ('[a](http://x.org "title")', f'<a href="http://x.org" {OUT}>a</a>'),
        ("<https://x.org/>", f'<a href="https://x.org/" {OUT}>https://x.org/</a>'),
        ("(see https://x.org/a_b_c).", f'(see <a href="https://x.org/a_b_c" {OUT}>https://x.org/a_b_c</a>).'),
        ("www.x.org/a", f'<a href="http://www.x.org/a" {OUT}>www.x.org/a</a>'),
        ("a@x.org", '<a href="mailto:a@x.org" rel="noopener noreferrer nofollow">a@x.org</a>'),
        ("[a](http://exämple.org/ä)", f'<a href="http://xn--exmple-cua.org/%C3%A4" {OUT}>a</a>'),
        ("[](http://x.org)", f'<a href="http://x.org" {OUT}>http://x.org</a>'),
        ("notes.md, run.sh, 3.pm", "notes.md, run.sh, 3.pm"),
        ("www. and www.", "www. and www."),
        ("[*a*]() []()", "[<em>a</em>]() []()"),
        ("http://xn--a.com http://x.org:70000 http://[", "http://xn--a.com http://x.org:70000 http://["),
    ],
)
def test_links_lead_out_without_telling_where_from(typed: str, html: str) -> None:
    assert inner(typed) == html


LINKED = [
    *(
        "“{}”",
        "‘{}’ said",
        "»{}« and",
        "«{}»",
        "„{}“",
        "{}…",
        "{}—next word",
        "{}–",
        "{}―he said",
        "{}’s",
        "({}).",
        "{}?!",
    ),
    *(
        "{}，然后",
        "{}。",
        "（{}）",
        "「{}」と",
        "『{}』。",
        "【{}】",
        "{}！次",
        "{}、次",
        "{}：次",
        "{}؟",
        "{}، ثم",
        "{}।",
        "{}՞",
        "‹{}›",
    ),
]


@pytest.mark.parametrize("around", LINKED)
@pytest.mark.parametrize(
    "address",
    ["http://x.org", "http://x.org/a", "http://x.org/a_(b)", "http://x.org/?q=（a）", "www.x.org/a–b", "o'b@x.org"],
)
def test_a_bare_address_ends_before_the_marks_of_the_sentence(around: str, address: str) -> None:
    before, after = around.split("{}")
    shown = re.fullmatch(r"(.*?)<a [^>]*>([^<]*)</a>(.*)", inner(around.format(address)))
    assert shown
    assert shown.groups() == (before, address, after)


@pytest.mark.parametrize("mark", ["_", "__", "*", "**", "~~", "~~_"])
@pytest.mark.parametrize("address", ["http://x.org", "http://x.org/", "http://x.org/a_b/~c", "www.x.org", "a@x.org"])
def test_a_bare_address_ends_before_the_marks_of_emphasis_around_it(mark: str, address: str) -> None:
    for closing in (mark[::-1], f"{mark[::-1]}."):
        shown = re.fullmatch(
            r"(?:<(?:em|strong|s)>)+<a [^>]*>([^<]*)</a>(?:</\w+>)+\.?", inner(mark + address + closing)
        )
        assert shown, inner(mark + address + closing)
        assert shown[1] == address


@pytest.mark.parametrize(
    "mark", ["`", "`code`", *"\u200b\u00ad\u2060\u061c\u200e\ufeff\u180e\U000e0041", "\u200b\u200b"]
)
@pytest.mark.parametrize("address", ["http://x.org", "http://x.org/a", "http://x.org/?q=a", "www.x.org/a", "a@x.org"])
def test_a_bare_address_ends_before_code_and_what_nobody_can_see(mark: str, address: str) -> None:
    for after in ("", "next", " next"):
        shown = re.search(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', inner(address + mark + after))
        assert shown
        assert shown[2] == address
        assert shown[1].endswith(address)


def test_what_joins_letters_and_emoji_stays_in_an_address() -> None:
    for address in ("http://x.org/می\u200cخواهم", "http://x.org/👩\u200d🚀"):
        assert f">{address}</a>\u200d" in inner(f"{address}\u200d")


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("![a cat](http://x.org/cat.png)", f'<a href="http://x.org/cat.png" {OUT}>a cat</a>'),
        ("![](http://x.org/cat.png)", f'<a href="http://x.org/cat.png" {OUT}>http://x.org/cat.png</a>'),
        ("[![a *cat*](http://x.org/1)](http://x.org/2)", f'<a href="http://x.org/2" {OUT}>a <em>cat</em></a>'),
        ("[![](http://x.org/1)](http://x.org/2)", f'<a href="http://x.org/2" {OUT}>http://x.org/2</a>'),
        ("![a](data:image/png;base64,AAAA)", "![a](data:image/png;base64,AAAA)"),
        ("Stop!", "Stop!"),
    ],
)
def test_images_become_links(typed: str, html: str) -> None:
    assert inner(typed) == html


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("/chat/general", "/chat/general"),
        ("/c/books?q=a&page=2#top", "/c/books?q=a&amp;page=2#top"),
        ("/c/books/new", "/c/books/new"),
        ("/c/books/042", "/c/books/042"),
        ("/c/books/1234567890", "/c/books/1234567890"),
        ("/c/books/42/history", "/c/books/42/history"),
        ("//evil.example/x", "/evil.example/x"),
        ("///evil.example", "/evil.example"),
    ],
)
def test_links_into_the_workspace_are_relative_and_stay_in_it(address: str, path: str) -> None:
    result = rendered(f"[here]({ORIGIN}{address})")
    assert result.html == f'<p><a href="{path}">here</a></p>\n'
    assert result.records == ()


def test_a_link_into_the_workspace_is_known_by_its_origin_and_not_by_its_first_letters() -> None:
    assert inner("[a](HTTP://ACME.Hero.localhost:8000/x)") == '<a href="/x">a</a>'
    for other in (
        f"{ORIGIN}@evil.example/",
        "http://acme.hero.localhost.evil.example:8000/",
        "http://acme.hero.localhost:8001/",
        "http://acme.hero.localhost/",
        "https://acme.hero.localhost:8000/",
        "http://globex.hero.localhost:8000/c/books/42",
        "http://ana@acme.hero.localhost:8000/c/books/42",
    ):
        result = rendered(f"[a]({other})")
        assert result.html == f'<p><a href="{other}" {OUT}>a</a></p>\n'
        assert result.records == ()


def test_a_port_that_goes_without_saying_makes_no_other_origin() -> None:
    result = render_markdown("https://acme.example:443/c/books/1", members={}, origin="https://acme.example")
    assert result.records == (("books", 1),)


UNSAFE = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java&#10;script:alert(1)",
    "java&#x09;script:alert(1)",
    "java&Tab;script:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "\x01javascript:alert(1)",
    "java\0script:alert(1)",
    "java\u202escript:alert(1)",
    "&#x202e;javascript:alert(1)",
    "&#1;javascript:alert(1)",
    "\\javascript:alert(1)",
    "%6aavascript:alert(1)",
    "ｊavascript:alert(1)",
    "javascript://x.org/%0aalert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "data:image/png;base64,AAAA",
    "file:///etc/passwd",
    "blob:http://x.org/1",
    "ftp://x.org/",
    "//evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "/logout",
    "#top",
    "?q",
    "",
    "http:evil.example",
    "http:/evil.example",
    "https:///evil.example",
    "http:\\\\evil.example",
    "http://",
    "http://[",
    "http://x.org:99999999/",
    "mailto:",
    "tel:1",
    "hx-get:x",
]


@pytest.mark.parametrize("address", UNSAFE)
@pytest.mark.parametrize("shape", ["[a]({})", "[a](<{}>)", "![a]({})", "<{}>", "{}", "[a]: {}\n\n[a]", '"{}"'])
def test_other_schemes_are_never_links(address: str, shape: str) -> None:
    page = check_safe(rendered(shape.format(address)).html)
    for tag, attributes in page.elements:
        assert tag != "a" or re.match(r"https?://x\.org(?!:9)", attributes["href"] or ""), attributes


# Mentions


@pytest.mark.parametrize(
    ("typed", "shown", "members"),
    [
        ("@Ana", '<span class="mention" data-member="1">@Ana</span>', {1}),
        ("@ana souza", '<span class="mention" data-member="3">@Ana Souza</span>', {3}),
        ("(@ANA)", '(<span class="mention" data-member="1">@Ana</span>)', {1}),
        ("**@Ana's**", '<strong><span class="mention" data-member="1">@Ana</span>\'s</strong>', {1}),
        ("❤️@Ana", '❤️<span class="mention" data-member="1">@Ana</span>', {1}),
        ("@JOSÉ", '<span class="mention" data-member="4">@José</span>', {4}),
        ("@jose\N{COMBINING ACUTE ACCENT}", '<span class="mention" data-member="4">@José</span>', {4}),
        ("@WEISS", '<span class="mention" data-member="5">@Weiß</span>', {5}),
        ("@j. d'ávila-costa.", '<span class="mention" data-member="6">@J. D\'Ávila-Costa</span>.', {6}),
        ("@山田。", '<span class="mention" data-member="7">@山田</span>。', {7}),
        (
            "@Ana/@bruno",
            '<span class="mention" data-member="1">@Ana</span>/<span class="mention" data-member="2">@Bruno</span>',
            {1, 2},
        ),
        ("@Ana\nSouza", '<span class="mention" data-member="1">@Ana</span><br>\nSouza', {1}),
    ],
)
def test_a_member_is_mentioned_by_the_longest_name_that_was_typed(typed: str, shown: str, members: set[int]) -> None:
    result = rendered(typed)
    assert result.html == f"<p>{shown}</p>\n"
    assert result.mentions == tuple(sorted(members))


@pytest.mark.parametrize(
    "typed",
    [
        "@Anabela",
        "@Ana_",
        "@Ana1",
        "@Ana\N{COMBINING TILDE}",
        "x@Ana",
        "_x_y@Ana",
        "@ Ana",
        "@",
        "@@",
        "@jose",
        r"\@Ana",
        "&#64;Ana",
        "`@Ana @room`",
        "```\n@Ana @room\n```",
        "    @Ana @room",
        "[@Ana @room](http://x.org)",
        "[**@Ana**](http://x.org)",
        "http://x.org/@Ana/@room",
        "<http://x.org/@Ana>",
        "@roommate",
        "@salada",
        "a@room",
    ],
)
def test_nobody_is_mentioned_in_code_links_or_other_words(typed: str) -> None:
    result = rendered(typed)
    assert "mention" not in result.html
    assert not result.mentions


@pytest.mark.parametrize("word", ["room", "everyone", "sala", "todos"])
@pytest.mark.parametrize("typed", ["@{}", "@{}!", "> hello\n\n@{}"])
def test_everybody_is_mentioned_by_the_word_of_any_language(typed: str, word: str) -> None:
    for written in (word, word.upper(), word.capitalize()):
        result = rendered(typed.format(written))
        assert f'<span class="mention everybody">@{word}</span>' in result.html
        assert result.mentions == (0,)


def test_a_member_called_room_is_not_the_room() -> None:
    result = render_markdown("@room @Room Service", members={"Room": 8, "Room Service": 9}, origin=ORIGIN)
    assert result.mentions == (0, 9)
    result = render_markdown("@sala @Sala Limpa", members={"Sala": 8, "Sala Limpa": 9}, origin=ORIGIN)
    assert result.mentions == (0, 9)


def test_of_names_that_differ_by_case_alone_the_typed_one_is_meant() -> None:
    members = {"ana": 1, "ANA": 2}
    assert render_markdown("@ANA", members=members, origin=ORIGIN).mentions == (2,)
    assert render_markdown("@ana", members=members, origin=ORIGIN).mentions == (1,)
    assert render_markdown("@Ana", members=members, origin=ORIGIN).mentions == (1,)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Ana *Star* Lima", "@Ana *Star* Lima"),
        ("_x_ [QA](http://x.org)", "@_x_ [QA](http://x.org)"),
        ("**B**", "**@**B****"),
        ("`J`", "@`J`"),
        ("~~C~~ & co", "_@~~C~~ & co_"),
        ("a_b_c", r"@a\_b\_c"),
        ("# 1.", "- @# 1."),
        ("Ana", "_hello @Ana_"),
        ("Ana", "__@Ana__"),
    ],
)
def test_names_with_marks_of_markdown_in_them_are_mentioned(name: str, typed: str) -> None:
    result = render_markdown(f"{typed}\n\nhello", members={name: 7, "A": 1}, origin=ORIGIN)
    assert result.mentions == (7,)
    shown = re.search(r'<span class="mention" data-member="7">@(.*?)</span>', result.html)
    assert shown
    assert unescape(shown[1]) == name
    assert store_mention(7) in result.text
    assert store_mention(7) in result.plain
    again = write_names(result.text, {7: name})
    assert render_markdown(again, members={name: 7}, origin=ORIGIN).text == result.text


def test_who_is_named_in_a_quote_is_shown_and_not_mentioned() -> None:
    result = rendered("> @Ana and @room\n> > @Bruno\n\nYes, @José")
    assert result.mentions == (4,)
    assert '<span class="mention quoted" data-member="1">@Ana</span>' in result.html
    assert result.text == (f"> {store_mention(1)} and @room\n> > {store_mention(2)}\n\nYes, {store_mention(4)}")
    assert write_names(result.plain, {1: "Anna", 2: "Bruno", 4: "Zé"}) == "@Anna and @room @Bruno Yes, @Zé"
    assert "@&lt;i&gt;</span>" in write_names_in_html(result.html, {1: "<i>"})


@pytest.mark.parametrize(
    "typed", ["`@Ana`", "http://x.org/@Ana/@Bruno?q=@room", "[@Ana](http://x.org)", "@Ana_", r"\@Ana"]
)
def test_what_is_no_mention_is_stored_as_it_was_typed(typed: str) -> None:
    result = rendered(f"{typed} but @Bruno")
    assert result.text == f"{typed} but {store_mention(2)}"
    assert "%EF%B7" not in result.html
    assert not re.search("[\ufdd0\ufdd1]", result.html)


def test_nobody_can_type_how_a_mention_is_stored() -> None:
    result = rendered("\ufdd01\ufdd1 \ufdd0 @Bruno &#xfdd0;1&#xfdd1;")
    assert result.mentions == (2,)
    assert write_names(result.text, {2: "Bruno"}) == "1  @Bruno &#xfdd0;1&#xfdd1;"
    for text in ("http://x.org/%EF%B7%900%EF%B7%91 @Ana", "[](http://x.org/%ef%b7%909%ef%b7%91)"):
        result = rendered(text)
        assert not result.mentions
        assert not re.search("[\ufdd0\ufdd1]", result.html + result.plain + result.text)


def test_a_name_is_text_whatever_it_is_made_of() -> None:
    result = render_markdown('@<b>&"x"', members={'<b>&"x"': 1, "": 2}, origin=ORIGIN)
    assert result.html == '<p><span class="mention" data-member="1">@&lt;b&gt;&amp;"x"</span></p>\n'


# Records


@pytest.mark.parametrize(
    ("typed", "shown", "records"),
    [
        ("#42", '<a class="record-link" href="/records/42">#42</a>', [("", 42)]),
        (f"{ORIGIN}/c/books/42", '<a class="record-link" href="/c/books/42">books #42</a>', [("books", 42)]),
        (f"<{ORIGIN}/c/books/42/edit>", '<a class="record-link" href="/c/books/42">books #42</a>', [("books", 42)]),
        (f"{ORIGIN}/c/a-1/9.", '<a class="record-link" href="/c/a-1/9">a-1 #9</a>.', [("a-1", 9)]),
        (f"[it]({ORIGIN}/c/books/42)", '<a class="record-link" href="/c/books/42">it</a>', [("books", 42)]),
    ],
)
def test_records_are_linked_and_collected(typed: str, shown: str, records: list[tuple[str, int]]) -> None:
    result = rendered(typed)
    assert result.html == f"<p>{shown}</p>\n"
    assert result.records == tuple(records)


@pytest.mark.parametrize(
    "typed",
    [
        "#042",
        "#0",
        "#1234567890",
        "#4a",
        "#4_",
        "#٤",
        "a#42",
        "_a#42",
        r"\#42",
        "&#35;42",
        "# 42",
        "`#42`",
        "```\n#42\n```",
        f"`{ORIGIN}/c/books/42`",
        f"```\n{ORIGIN}/c/books/42\n```",
        "[#42](http://x.org)",
        "http://x.org/#42",
        "http://x.org/c/books/42",
        f"{ORIGIN}/c/Books/42",
        f"{ORIGIN}/c/books/42?a",
    ],
)
def test_other_numbers_and_addresses_are_no_records(typed: str) -> None:
    result = rendered(typed)
    assert result.records == ()
    assert "record-link" not in result.html


def test_records_are_collected_in_order_once_and_at_most_so_many() -> None:
    result = rendered(f"#3 #1 {ORIGIN}/c/books/3 #3 #2 {ORIGIN}/c/books/3/edit #9 #8 #7")
    assert result.records == (("", 3), ("", 1), ("books", 3), ("", 2), ("", 9), ("", 8), ("", 7))
    assert result.html.count("record-link") == 9
    result = rendered(" ".join(f"#{number}" for number in range(1, 31)))
    assert result.records == tuple(("", number) for number in range(1, 21))
    assert result.html.count("record-link") == 30


# Hostile texts

CANARIES = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//x.org>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<b hx-get='/logout' hx-trigger='load'>x</b>",
    "<b data-hx-post='/x'>x</b>",
    "<hx-partial hx-target='body'>x</hx-partial>",
    "<template><p>x</template>",
    "<form action='/logout' method=post><button>x</button></form>",
    "<p id=x style='position:fixed' class='toast'>x</p>",
    "<iframe srcdoc='<script>'></iframe>",
    "<!-- x --><![CDATA[ x ]]><?x ?><!DOCTYPE x>",
    "</p></div></body><p>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    '```" onclick=alert(1) class="x\n</code></pre><script>\n```',
    '[a](http://x.org/"onclick="alert(1))',
    '[a](http://x.org "\\" onclick=\\"alert(1)")',
    "[a](http://x.org/?'><script>)",
    '<http://x.org/"onmouseover="a>',
    'http://x.org/"style="x',
    '@Ana" onclick="x',
    f'{ORIGIN}/c/books/42"hx-get="x',
    "[<b>](http://x.org)",
    "`</code><script>`",
    "\0<\0script\0>",
    "<\u202escript>",
    "\u202eevil\u2066 \u2067 \u2068 \u2069 \u202a\u202b\u202c\u202d",
    "&#x202e; &#8238; &#x2066; &#0; &#1; &#x7f; &#x9b;",
    "http://x.org/%E2%80%AE%00%0a",
    "<http://x.org/%E2%80%AE%00>",
    "\x1b[31m\x07\x08\x7f\x80\x9f",
    "\ud800\udfff lone halves",
    "https://пример.рф/ಠ_ಠ http://xn--a.com xn--",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
]


@pytest.mark.parametrize("text", CANARIES)
def test_nothing_that_a_person_types_is_markup_of_theirs(text: str) -> None:
    for shape in ("{}", "> {}", "- {}", "**{}**", "# {}", "[{}](http://x.org)", "![{}](http://x.org)", "a\n{}"):
        typed = shape.format(text)
        check_safe(rendered(typed).html)
        check_plain(typed)


def test_html_is_shown_as_it_was_typed() -> None:
    assert inner("<b onclick=x>hi</b>") == "&lt;b onclick=x&gt;hi&lt;/b&gt;"
    assert check_safe(rendered("<hx-partial>").html).text.strip() == "<hx-partial>"


def test_controls_and_overrides_leave_no_trace() -> None:
    assert inner("a\0b\x1bc\u202ed\u2066e\x9ff\tg") == "abcdef\tg"
    assert inner("a&#x202e;b") == "ab"
    assert plain_text("a\0b&#x202e;c\u2069") == "abc"
    assert "\u202e" not in rendered("http://x.org/%E2%80%AEa").html


HOSTILE = [
    *("- [x] ", "- [ ] a\n"),
    *("[", "]", "![", "[](", "*", "**a", "*a ", "_", "~~", "`", "`a``", "<", "<a ", ">", "> ", "> > a\n", "- ", "1. "),
    *("@", "@Ana ", "#", "#1", "&", "&amp;", "\\", "\\@", "(", "|", "=\n", "\t", " ", "\n", "a", "é", "🙂", "\u202e"),
    *("http://", "://", "http://a ", "www.", "www.a ", "a@", "mailto:", "<!--", "[a](http://a)", "[![", "```\n"),
]


@pytest.mark.parametrize("part", HOSTILE)
def test_the_longest_message_of_one_thing_is_safe_and_not_much_longer(part: str) -> None:
    text = (part * 8000)[:8000]
    html = rendered(text).html
    check_safe(html)
    assert len(html) < 30 * 8000
    check_plain(text)


def test_many_uses_of_one_long_address_do_not_multiply_it() -> None:
    text = f"[a]: http://x.org/{'x' * 4000}\n\n" + "[a]" * 1300
    assert len(rendered(text).html) < 30_000


@pytest.mark.parametrize(("before", "after"), [("[", "]"), ("![", "](http://a)"), ("[", "](http://a)"), ("*", "*")])
def test_nesting_without_end_comes_to_an_end(before: str, after: str) -> None:
    count = 8000 // len(before + after)
    check_safe(rendered(before * count + "x" + after * count).html)


# Plain text


def check_plain(text: str) -> None:
    """Fail unless the plain text is one line, no longer than what was typed, and clean."""
    plain = plain_text(text)
    assert len(plain) <= len(text)
    assert len(plain.splitlines()) <= 1
    assert plain == plain.strip()
    assert not FORBIDDEN.search(plain)
    assert not re.search("[\ud800-\udfff]", plain)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("", ""),
        ("  \n ", ""),
        ("**Hello** _there_, ~~you~~ `x < y`", "Hello there, you x < y"),
        ("# Title\n\n> quoted\n- one\n- two\n\nend", "Title quoted one two end"),
        ("a\nb\\\nc  \nd", "a b c d"),
        ("```python\nx = 1\ny = 2\n```", "x = 1 y = 2"),
        ("[words](http://x.org) ![cat](http://x.org/cat)", "words cat"),
        ("[](http://x.org)", "http://x.org"),
        ("http://x.org/a%20b and @Ana #42", "http://x.org/a%20b and @Ana #42"),
        ("<b>bold</b> &lt;i&gt;", "<b>bold</b> <i>"),
        ("---", "---"),
        (">", ">"),
    ],
)
def test_plain_text_is_what_a_person_reads(typed: str, plain: str) -> None:
    assert plain_text(typed) == plain


# Any text


def test_a_table_is_one_and_scrolls_in_a_place_of_its_own() -> None:
    html = rendered("Look:\n| Who | How many |\n|:-:|--:|\n| @Ana | **2** |\n| only one\n\nAfter").html
    check_safe(html)
    assert '<p>Look:</p>\n<div class="table" tabindex="0"><table>' in html
    assert '<th class="centred">Who</th>' in html
    assert '<td class="right"><strong>2</strong></td>' in html
    assert '<span class="mention" data-member="1">@Ana</span>' in html
    assert html.count("<td") == 4
    assert plain_text("| a | b |\n|---|---|\n| c | d |") == "a b c d"


@pytest.mark.parametrize(
    "text",
    [
        "a | b\nno line below",
        "| a |\n|---|---|",  # as many columns in both
        "|" + "a|" * 21 + "\n|" + "-|" * 21 + "\n|b|",  # too many of them
        "| |\n|-|\n| |",  # nothing in it
    ],
)
def test_what_is_no_table_stays_what_was_typed(text: str) -> None:
    assert "<table" not in rendered(text).html
    assert "|" in Page(rendered(text).html).text


@pytest.mark.parametrize("row", ["|", "|b|", "x|y", "| @Ana |"])
def test_a_table_has_no_more_cells_than_its_text_may_cost(row: str) -> None:
    text = ("|" + "a|" * 20 + "\n|" + "-|" * 20 + "\n" + f"{row}\n" * 4000)[:8000]
    html = rendered(text).html
    assert html.count("<td") <= 1200
    assert len(html) < 60_000


def test_tasks_of_a_list_are_boxes_that_are_named_by_their_words_and_cannot_be_ticked() -> None:
    html = rendered("- [ ] one **two**\n- [x] @Ana\n\n1. [X] `three`\n   - [ ] four").html
    check_safe(html)
    boxes = re.findall(r'<label class="task"><input ([^>]*)> (.*?)</label>', html)
    assert [sorted(re.findall(r"[a-z]+(?==)", attributes)) for attributes, _ in boxes] == [
        ["disabled", "type"],
        ["checked", "disabled", "type"],
        ["checked", "disabled", "type"],
        ["disabled", "type"],
    ]
    assert [re.sub("<[^>]+>", "", words) for _, words in boxes] == ["one two", "@Ana", "three", "four"]
    assert rendered("- [ ] one\n- [x] two").plain == "[ ] one [x] two", "in a line of text they are as typed"


@pytest.mark.parametrize(
    "text", ["- [x]", "- [x](http://a.org)", "- [xx] a", "- a [x] b", "[x] a", r"- \[x] a", "- [ ]a"]
)
def test_what_is_no_task_is_no_box(text: str) -> None:
    assert "<input" not in rendered(text).html


def test_code_is_coloured_where_its_language_is_named_and_short_enough() -> None:
    html = rendered('```python\ndef add(a):\n    return a + 1  # @Ana <b> "x"\n```').html
    check_safe(html)
    assert '<span class="code-keyword">def</span> <span class="code-name">add</span>' in html
    assert '<span class="code-comment"># @Ana &lt;b&gt; "x"</span>' in html
    for text in (
        "```\ndef add\n```",
        "```brainfuck\ndef\n```",
        "```python\n" + "def a\n" * (LONGEST_CODE // 6 + 1) + "```",
    ):
        assert "code-keyword" not in rendered(text).html


@pytest.mark.parametrize("language", sorted(set(LEXERS.values())))
def test_the_words_of_code_are_the_same_in_each_language(language: str) -> None:
    assert open_lexer(language) is open_lexer(language)
    code = 'if (x < 1 && "y") { /* z */ return 1; } # end\n\n<a href="b">\n'
    html = rendered(f"```{language}\n{code}```").html
    assert check_safe(html).text.strip() == code.strip()


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Done :tada:", "Done 🎉"),
        (":+1::heart:", "👍❤️"),
        ("a:tada:b 10:30:45 :no-such-thing: : :", "a:tada:b 10:30:45 :no-such-thing: : :"),
        ("`:tada:` \\:tada:", "<code>:tada:</code> :tada:"),
        ("**:tada:**", "<strong>🎉</strong>"),
    ],
)
def test_a_short_name_between_colons_is_an_emoji_but_in_words_and_code(typed: str, shown: str) -> None:
    assert inner(typed) == shown


FRAGMENTS = st.sampled_from(
    [
        *CANARIES,
        *UNSAFE,
        *HOSTILE,
        *("@Ana Souza", "@room", "#42", f"{ORIGIN}/c/books/42", f"{ORIGIN}//x", "](", ")", "](http://x.org)", "\n\n"),
        *("```python\n", "\n```\n", "a|b\n", "-|-\n", "|-:|\n", "|", ":tada:", ":"),
        *(" hx-get=x ", " onclick=x ", " style=x ", "www.x.org", "a@x.org", "    ", "~~~\n", "2. ", "\n> ", "\n- "),
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(FRAGMENTS, st.text(max_size=8)), max_size=12).map("".join))


@settings(deadline=None)
@given(TEXTS)
def test_any_text_is_rendered_with_nothing_but_allowed_tags_and_attributes(text: str) -> None:
    result = rendered(text)
    page = check_safe(result.html)
    for _, attributes in page.elements:
        for name in attributes:
            assert not re.match(r"(?:data-)?hx-|on|style|id$", name)
    assert len(result.records) == len(set(result.records)) <= 5
    assert set(result.mentions) <= {0, *MEMBERS.values()}
    named = [each for _, each in page.elements if str(each.get("class")).startswith("mention")]
    mentioned = [each for each in named if each["class"] != "mention quoted"]
    members = {int(each["data-member"] or 0) for each in mentioned if "data-member" in each}
    everybody = any(each.get("class") == "mention everybody" for _, each in page.elements)
    assert set(result.mentions) == members | ({0} if everybody else set())
    for collection, number in result.records:
        assert f'href="/{f"c/{collection}" if collection else "records"}/{number}"' in result.html


@settings(deadline=None)
@given(TEXTS)
def test_any_text_has_a_plain_line_no_longer_than_itself(text: str) -> None:
    check_plain(text)


@settings(deadline=None)
@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1), min_size=1).map(" ".join))
def test_words_without_marks_are_shown_as_they_are(text: str) -> None:
    assert inner(text) == text
    assert plain_text(text) == text


# What could be a link, a list, a rule, a mark or a character that something turns into another.
ALMOST_PROSE = st.sampled_from(
    """http https: mailto: www. example.com javascript: a Olá 1. 2) - -- --- (c) 'quoted' "x" e.g. ... ! [ x:y ² ª ſ
    İ Ａ 中文 हिन्दी ß & é e\u0301 foo-bar // 10:30 ( ) \u00a0 @ana #1""".split()  # noqa: SIM905  (easier to read)
)


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        st.lists(ALMOST_PROSE, max_size=8).map(" ".join),
        st.lists(ALMOST_PROSE, max_size=8).map("".join),
        st.from_regex(PROSE, fullmatch=True),
    )
)
def test_a_line_of_words_is_what_markdown_would_make_of_it(text: str) -> None:
    prose = render_prose(text)
    if prose is not None:
        assert render_markdown(text, members={"Ana": 1}, origin="http://acme.test") == prose
