"""Templates: escaped values, a sandbox, caps, and errors that name the place."""

import json
import re
from html import unescape
from time import perf_counter

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from edgeseg.decisions.render import Renderer, RenderError
from edgeseg.decisions.sandbox import MAX_OUTPUT_CHARS, MAX_RENDER_S
from edgeseg.errors import Problem


def render(source: str, **values: object) -> str:
    """Render one template that has no problems."""
    problems: list[Problem] = []
    renderer = Renderer({"t.html": source}, problems)
    assert not problems
    return renderer.render("t.html", renderer.names("t.html", values))


def test_values_are_escaped() -> None:
    """A hostile attribute never becomes markup."""
    assert render("<p>{{ x }}</p>", x="<script>") == "<p>&lt;script&gt;</p>"
    turkish = "<script>go('İ')</SCRIPT>{{ x }}"  # which has more letters in lower case
    assert render(turkish, x="<") == "<script>go('İ')</SCRIPT>&lt;"


def test_values_are_never_compiled() -> None:
    """Template code in a value stays text."""
    assert render("{{ x }}", x="{{ 7 * 7 }}") == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ x.append(1) }}",
        "{{ missing }}",
        "{{ range(10000000) | list }}",
        "{{ 1 / 0 }}",
        "{% include 'other.html' %}",
        r"{{ '\ud83d\ude00' }}",
        "{{ '%c' % 55357 }}",
    ],
)
def test_what_a_template_may_not_do_fails_as_one_error(source: str) -> None:
    """The sandbox, strict names and missing parts all end in `RenderError`."""
    with pytest.raises(RenderError, match=r"t\.html"):
        render(source, x=[1])


def test_output_is_capped() -> None:
    """A template that writes without end is cut off as an error."""
    with pytest.raises(RenderError, match="262,144"):
        render("{% for i in range(900) %}{{ x }}{% endfor %}", x="y" * 1_000)
    assert len(render("{{ x }}", x="y" * MAX_OUTPUT_CHARS)) == MAX_OUTPUT_CHARS


NAMED = {
    "base.html": "[{{ title }}|{% block b %}{{ title }}{% endblock %}]",
    "included.html": "({{ a is defined }}{% set b = 5 %}{% set a = 7 %}{{ a }}{{ b }})",
    "imported.html": "{% set k = x ~ '<' %}{% macro f(n) %}{{ k }}{{ n }}{{ x }}{% endmacro %}",
}


@pytest.mark.parametrize(
    "source",
    [
        "{{ title }}{{ x }}{{ none }}{{ number }}{{ x | upper }}{{ x ~ '&' }}",
        "{% extends 'base.html' %}{% set title = 'set' %}",
        "{% extends 'base.html' %}{% block b %}{{ super() }}{{ x }}{% endblock %}",
        "{% set a = 1 %}{% include 'included.html' %}{{ a }}{{ b is defined }}",
        "{% include 'included.html' %}{{ a is defined }}{{ b is defined }}{{ a | default('-') }}",
        "{% import 'imported.html' as m with context %}{{ m.f(2) }}{{ m.k }}{{ x }}",
        "{% from 'imported.html' import k with context %}{{ k }}",
        "{% set x = 'new' %}{% block q %}{{ x }}{% endblock %}{{ x }}",
        "{% set y %}<b>{{ x }}</b>{% endset %}{{ y }}{{ y | length }}",
        "{% for each in [x, 1] %}{% set x = each %}{{ x }}{{ loop.index }}{% endfor %}{{ x }}",
        "{% macro m(a, b=x) %}<i>{{ a }}{{ b }}</i>{% endmacro %}{{ m(x) }}{{ m('<', b='>') }}",
        "{% filter lower %}{{ x }}<B>{% endfilter %}",
        "{% macro c() %}{{ caller(x) }}{% endmacro %}{% call(n) c() %}{{ n }}{% endcall %}",
        "{% with x = 'inner' %}{{ x }}{% endwith %}{{ x }}",
    ],
)
def test_names_and_escaping_are_jinja_s(source: str) -> None:
    """What is set, included, imported or inherited is the same as with Jinja2's own ways."""
    files = {**NAMED, "t.html": source}
    values = {"x": "<X & 'x' \"x\">", "title": "given", "number": 1.5, "none": None}
    plain = Environment(
        loader=DictLoader(files),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    renderer = Renderer(files, [])
    names = renderer.names("t.html", values)
    expected = plain.get_template("t.html").render(values)
    assert [renderer.render("t.html", names) for _ in range(2)] == [expected] * 2


def test_templates_build_on_each_other() -> None:
    """Inheritance and inclusion work among the templates of one version."""
    files = {
        "base.html": "[{% block b %}{% endblock %}]",
        "t.html": "{% extends 'base.html' %}{% block b %}{{ x }}{% endblock %}",
    }
    renderer = Renderer(files, [])
    assert renderer.render("t.html", {**renderer.names("t.html", {"x": 1})}) == "[1]"


def test_a_syntax_error_names_file_and_line() -> None:
    """It becomes a problem beside those of the rule files."""
    problems: list[Problem] = []
    Renderer({"a/b.html": "<p>\n{% if %}"}, problems)
    assert [(each.file, each.line) for each in problems] == [("a/b.html", 2)]


BOMB = "{% set ns = namespace(x='x') %}"
ENDLESS = {
    "nested loops": "{% for i in range(9000) %}{% for j in range(9000) %}{% endfor %}{% endfor %}",
    "a macro that calls itself twice": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
    ),
    "a recursive loop": "{% for i in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "text that is joined to itself": (
        BOMB + "{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"
    ),
    "text that is added to itself": (
        BOMB + "{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
    ),
    "a list that is added to itself": (
        "{% set ns = namespace(x=[1]) %}"
        "{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
    ),
    "text many times": "{{ 'x' * 999999999 }}",
    "a list many times": "{{ [1] * 999999999 }}",
    "many times text": "{{ 999999999 * 'x' }}",
    "a power": "{{ 9 ** 99999 }}",
    "numbers that grow": (
        "{% set ns = namespace(x=9) %}"
        "{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}"
    ),
    "a wide text": "{{ 'x'.center(999999999) }}",
    "a wide filter": "{{ 'x' | center(999999999) }}",
    "many digits": "{{ 1.5 | round(999999999, 'ceil') }}",
    "a wide indent": "{{ [1] | tojson(indent=999999999) }}",
    "a wide format": "{{ '{:>999999999}'.format(1) }}",
    "a wide format by position": "{{ '{:{}}'.format(1, 999999999) }}",
    "a wide old format": "{{ '%999999999d' % 1 }}",
    "a wide format filter": "{{ '%*d' | format(999999999, 1) }}",
    "a replacement in every place": "{{ x.replace('y', x) }}",
    "a filter in every place": "{{ x | replace('y', x) }}",
    "a text between many": "{{ range(99999) | join(x) }}",
    "a text between many that are made": "{{ range(99999) | map('string') | join(x) }}",
    "a block that fills up": "{% set b %}{% for i in range(9999) %}{{ x }}{% endfor %}{% endset %}",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_a_runaway_is_stopped(source: str) -> None:
    """Whatever runs, or grows, without end ends as a failed template, and soon."""
    began_s = perf_counter()
    with pytest.raises(RenderError, match=r"RunawayError|RecursionError"):
        render(source, x="y" * 5_000)
    assert perf_counter() - began_s < 10 * MAX_RENDER_S


def test_templates_that_include_themselves_are_stopped() -> None:
    """Each inclusion is a step."""
    files = {"t.html": "{% include 't.html' %}{% include 't.html' %}"}
    with pytest.raises(RenderError):
        Renderer(files, []).render("t.html", {})


def test_a_long_list_is_no_runaway(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds are far beyond what pages need; that of time is not met while time stands."""
    monkeypatch.setattr("edgeseg.decisions.sandbox.monotonic", lambda: 0.0)
    parts = [{"name": f"Product {number}", "price": number * 1_000_000} for number in range(500)]
    html = render(
        "{% for p in parts %}<li>{{ loop.index }} of {{ loop.length }} {{ p.name | upper }} "
        "{{ '{:,}'.format(p.price) }} {{ '%.2f' | format(p.price) }}</li>{% endfor %}",
        parts=parts,
    )
    assert html.count("<li>") == 500
    assert "500 of 500 PRODUCT 499 499,000,000 499000000.00" in html


SOURCES = '<img srcset="shop.example/?a=1&amp;b=2 1x, https://shop.example/?a=1&amp;b=2 2x">'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<a href="{{ x }}">', '<a href="#">'),
        ("<a href='{{ x }}'>", "<a href='#'>"),
        ('<img alt="a" SRC = "{{ x }}">', '<img alt="a" SRC = "#">'),
        ('<a href="/go?to={{ x }}">', '<a href="/go?to= jaVa&#9;script:alert(&#34;1&#34;)">'),
        ('<a href="{% if x %}{{ x }}{% else %}{{ y }}{% endif %}">', '<a href="#">'),
        ('<a href="{% if not x %}/{% endif %}{{ x }}">', '<a href="#">'),
        ('{% for u in [x] %}<a href="{{ u }}">{% endfor %}', '<a href="#">'),
        ('<a href="{% for u in x[:0] %}/{% endfor %}{{ x }}">', '<a href="#">'),
        ('<a href="{% block b %}/{% endblock %}{{ y[:6] }}">', '<a href="/https:">'),
        ('{% macro a(u) %}<a href="{{ u }}">{% endmacro %}{{ a(x) }}', '<a href="#">'),
        ('<a href="{{ y }}">', '<a href="https://shop.example/?a=1&amp;b=2">'),
        ('<a title="{{ x | e }}">', '<a title=" jaVa\tscript:alert(&#34;1&#34;)">'),
        (
            '<a data-x="{{ x | tojson }}">',
            '<a data-x="&#34; jaVa\\tscript:alert(\\&#34;1\\&#34;)&#34;">',
        ),
        (
            "<script>a = {{ '</script>' | tojson }}</script>",
            r'<script>a = "\u003c/script\u003e"</script>',
        ),
        ('<a href="{{ x[:0] }}{{ x }}">', '<a href="#">'),
        ('<a href="{{ x[:12] }}{{ x[12:] }}">', '<a href=" jaVa\tscript#">'),
        ('<a href="{{ x[:3] }}{{ x[3:] }}">', '<a href=" ja#">'),
        ('<a href="ja{{ x[3:] }}">', '<a href="ja#">'),
        ('<a href="{{ y[:5] }}{{ y[8:] }}">', '<a href="httpsshop.example/?a=1&amp;b=2">'),
        ('<img srcset="{{ y[8:] }} 1x, https:{{ y[6:] }} 2x">', SOURCES),
        ('<title><a href="{{ y[:6] }}"></title>', '<title><a href="https:"></title>'),
        ('<svg><title><a href="{{ x }}"></title></svg>', '<svg><title><a href="#"></title></svg>'),
        ('<a href="{% filter trim %}{{ x }}{% endfilter %}">', '<a href="#">'),
        (
            "<script>a = `{{ '`${b}' | tojson }}`</script>",
            r'<script>a = `"\u0060\u0024{b}"`</script>',
        ),
        ('<p title="a > b">{{ y }}', '<p title="a > b">https://shop.example/?a=1&amp;b=2'),
        (
            '<!-- <a href="{{ y }}"> -->{{ y[:5] }}',
            '<!-- <a href="https://shop.example/?a=1&amp;b=2"> -->https',
        ),
    ],
)
def test_values_are_escaped_by_their_place(source: str, expected: str) -> None:
    """An address does not run, and nothing leaves its quotes."""
    x, y = ' jaVa\tscript:alert("1")', "https://shop.example/?a=1&b=2"
    assert render(source, x=x, y=y).replace("&#9;", "\t") == expected.replace("&#9;", "\t")


@pytest.mark.parametrize(
    "value",
    [
        *(42, 12.5, -1, "", "red", "#ff00cc", "1px solid", "Open Sans, sans-serif", "var(--blue)"),
        *("rgb(0 0 0 / 50%)", "calc(100% - 2 * 1em)", "čokoládová"),
    ],
)
def test_one_value_of_css_is_put_into_a_style_as_it_is(value: object) -> None:
    """Sizes, colours and names are what styles are filled with."""
    assert render('<p style="top:{{ x }}">', x=value) == f'<p style="top:{value}">'
    assert render("<style>p {top:{{ x }}}</style>", x=value) == f"<style>p {{top:{value}}}</style>"


@pytest.mark.parametrize(
    "value",
    [
        *("1;position:fixed", "url(//elsewhere.example)", "red}*{display:none", "a:b", "/**/"),
        *("image-set('//elsewhere.example' 1x)", r"\75rl(//elsewhere.example)", "//elsewhere"),
        *("expression(go())", "rgb(1,2", "'", '"', "a\nb", "@import", "<!--", "&quot;"),
        Markup("2;position:fixed"),
    ],
)
def test_more_than_one_value_of_css_is_refused(value: str) -> None:
    """It would set other properties, begin other rules, or fetch something from elsewhere."""
    assert render('<p style="top:{{ x }}%">', x=value) == '<p style="top:_%">'
    assert render("<style>p {top:{{ x }}}</style>", x=value) == "<style>p {top:_}</style>"
    source = '<svg><style>p {top:1}{{ x }}</style><p style="a:&quot;b&quot; {{ x }}"></svg>'
    assert render(source, x=value).count("_") == 2


@pytest.mark.parametrize("quote", ["", "&quot;", "'"])
def test_an_address_in_a_style_stays_within_its_brackets(quote: str) -> None:
    """It leads wherever it leads, as in `src`, and nothing else follows from it."""
    source = f'<p style="background: URL({quote}{{{{ x }}}}{quote})">'
    fine = "https://shop.example/a_(1).jpg?w=2&h=3"
    assert render(source, x=fine) == source.replace(
        "{{ x }}", r"https://shop.example/a_\28 1\29 .jpg?w=2\26 h=3"
    )
    hostile = render(source, x="'\");top:0 </style>\\\n&#39;")
    escaped = r"\27 \22 \29 ;top:0\20 \3c /style\3e \5c \a \26 #39;"
    assert hostile == source.replace("{{ x }}", escaped)


@pytest.mark.parametrize(
    "source",
    [
        """<a hx-vals='{"name": {{ x | tojson }}}'>""",
        """<a data-hx-headers='\n {"X-Name": {{ x | tojson }}}'>""",
        """<a hx-vals="&quot;name&quot;: {{ x | tojson }}">""",
    ],
)
def test_what_begins_as_json_stays_json(source: str) -> None:
    """However hostile the value, htmx reads one text out of it, and runs nothing."""
    hostile = """'"}, "b": js:alert(1) //<>&quot;"""
    [attribute] = re.findall(r"""=(['"])(.*)\1>$""", render(source, x=hostile), re.DOTALL)
    told = unescape(attribute[1]).strip()
    told = told if told.startswith("{") else f"{{{told}}}"  # as htmx does
    assert [*json.loads(told).values()] == [hostile]


CALLER = "{% macro c() %}{{ caller() }}{% endmacro %}"


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("<p>\n<a onclick=\"go('{{ x }}')\">", 2, "`onclick` runs"),
        ("<animate attributeName='href' values='/a;{{ x }}'>", 1, "`values` runs"),
        ("<a hx-on:click=\"go('{{ x }}')\">", 1, "`hx-on:click` runs"),
        ("<a hx-on=\"click: go('{{ x }}')\">", 1, "`hx-on` runs"),
        ("<a hx-vars=\"name: '{{ x }}'\">", 1, "`hx-vars` runs"),
        ("<a data-hx-vars=\"name: '{{ x }}'\">", 1, "`data-hx-vars` runs"),
        ("<a hx-trigger=\"click[key == '{{ x }}']\">", 1, "`hx-trigger` runs"),
        ('<a data-hx-trigger="every {{ x }}s">', 1, "`data-hx-trigger` runs"),
        ("<a hx-vals=\"js:{name: '{{ x }}'}\">", 1, "`hx-vals` that does not begin as JSON"),
        ("<a hx-vals=\" javascript:{a: '{{ x }}'}\">", 1, "`hx-vals` that does not begin"),
        ("<a hx-vals='{{ x }}'>", 1, "`hx-vals` that does not begin as JSON"),
        ("<a hx-vals='{% if x %}{% endif %} {{ x }}'>", 1, "`hx-vals` that does not begin"),
        ("<a data-hx-headers='j{{ x }}'>", 1, "`data-hx-headers` that does not begin as JSON"),
        ("<a hx-request='js: timeout: {{ x }}'>", 1, "`hx-request` that does not begin"),
        ("<a @click=\"go('{{ x }}')\">", 1, "`@click` runs"),
        ("<a x-data=\"{name: '{{ x }}'}\">", 1, "`x-data` runs"),
        ("<a :class=\"'{{ x }}'\">", 1, "`:class` runs"),
        ("<a v-if=\"'{{ x }}'\">", 1, "`v-if` runs"),
        ('<p style="{{ x }}">', 1, "where the name of a property stands"),
        ('<p style="color: red; {{ x }}: 1">', 1, "where the name of a property stands"),
        ("<a title={{ x }}>", 1, "without quotes"),
        ("<a title={% if x %}\n{{ x }}{% endif %}>", 2, "without quotes"),
        ("<{{ x }}>", 1, "cannot name a tag"),
        ("<a {{ x }}>", 1, "cannot name a tag or an attribute"),
        ("<a data-{{ x }}='1'>", 1, "cannot name a tag or an attribute"),
        ("<script>\n\nvar a = '{{ x }}'</script>", 3, "<script>"),
        ("<script>{{ x | tojson | upper }}</script>", 1, "<script>"),
        ("<!--><script>{{ x }}</script>", 1, "<script>"),
        ("<!-- a --!><script>{{ x }}</script>", 1, "<script>"),
        ("<title><!-- </title><script>{{ x }}</script>", 1, "<script>"),
        ("<textarea><a b='</textarea><script>{{ x }}</script>", 1, "<script>"),
        ("<svg><textarea></svg><script>{{ x }}</script>", 1, "<script>"),
        ("<svg><style><a {{ x }}></style></svg>", 1, "cannot name a tag or an attribute"),
        ("<svg><![CDATA[ > <a b=']]><script>{{ x }}</script>", 1, "<script>"),
        ("<!doctype html '<a b=\"'><script>{{ x }}</script>", 1, "<script>"),
        ("<? <a b=' ?></ <a c='><script>{{ x }}</script>", 1, "<script>"),
        ("<script>'</scripts>' + {{ x }}</script>", 1, "<script>"),
        ("<script><!-- <script> </script> {{ x }}</script>", 1, "<script>"),
        ("<a\xa0title='{{ x }}'>", 1, "cannot name a tag or an attribute"),
        ("<a href='{{ x }}://{{ y }}'>", 1, "in the scheme"),
        ("<iframe srcdoc='{{ x }}'>", 1, "`srcdoc` runs"),
        ("<a href='javascript:go({{ x | tojson }})'>", 1, "address that runs"),
        ("<script>{% filter trim %}\n{{ x }}{% endfilter %}</script>", 2, "<script>"),
        ("{% filter upper | striptags %}{{ x }}{% endfilter %}", 1, "undoes the escaping"),
        ("{% set y | striptags %}{{ x }}{% endset %}{{ y }}", 1, "undoes the escaping"),
        (f"{CALLER}<script>{{% call c() %}}{{{{ x }}}}{{% endcall %}}</script>", 1, "not enough"),
        ("{{ x | safe }}", 1, "No filter named 'safe'"),
        ("{% for y in x %}{{ y }}<script>{% endfor %}</script>", 1, "<script>"),
        (
            "{% autoescape false %}{{ x }}{% endautoescape %}{{ x }}",
            1,
            "escaping cannot be switched off",
        ),
    ],
)
def test_what_no_escaping_makes_safe_does_not_load(source: str, line: int, message: str) -> None:
    """The line is named, and what is wrong with it."""
    problems: list[Problem] = []
    Renderer({"t.html": source}, problems)

    assert [(each.line, message in each.message) for each in problems] == [(line, True)]


PARTS = {
    "base.html": '<a href="{% block url %}/{% endblock %}"><script>{% block js %}{% endblock %}'
    "</script><p>{% block text %}{% endblock %}",
    "middle.html": "{% extends 'base.html' %}{% block text %}{% block inner %}{% endblock %}"
    "{% endblock %}",
    "value.html": "{{ x }}",
    "outer.html": "{% include 'value.html' %}",
    "fixed.js": "track();",
}


def problems_of(source: str) -> list[str]:
    """Answer what is wrong with a template beside `PARTS`."""
    problems: list[Problem] = []
    Renderer({**PARTS, "t.html": source}, problems)
    return [each.message for each in problems]


@pytest.mark.parametrize(
    "source",
    [
        "<script>{% include 'value.html' %}</script>",
        "<script>{% include 'outer.html' %}</script>",
        "<script>{% include name %}</script>",
        "<a href=\"{% include 'value.html' %}\">",
        "<a title={% include ['value.html'] %}>",
        "<p style=\"width: {% include 'value.html' %}%\">",
        "<style>p {width: {% include 'value.html' %}%}</style>",
    ],
)
def test_what_is_included_has_no_values_where_text_s_escaping_is_not_enough(source: str) -> None:
    """Another template is escaped for where it stands by itself, which is text."""
    assert ["not enough here" in each for each in problems_of(source)] == [True]


@pytest.mark.parametrize(
    "source",
    [
        "<p>{% include 'value.html' %}</p><!-- {% include 'value.html' %} -->",
        "<script>{% include 'fixed.js' %}</script>",
        "<p title=\"{% include 'value.html' %}\">",
        "{% extends 'base.html' %}{% block js %}{{ super() }}a = {{ x | tojson }}{% endblock %}",
        "{% extends 'base.html' %}{% block text %}{{ x }}{% endblock %}",
        "{% extends 't.html' %}{% block js %}{{ x }}{% endblock %}",
    ],
)
def test_what_is_included_or_inherited_where_it_fits_loads(source: str) -> None:
    """Text in text, scripts without values, and JSON in scripts."""
    assert not problems_of(source)


@pytest.mark.parametrize("base", ["base.html", "middle.html"])
def test_a_block_is_escaped_for_where_the_extended_template_puts_it(base: str) -> None:
    """However far above that is."""
    begin = f"{{% extends '{base}' %}}"
    assert problems_of(begin + "{% block js %}{{ x }}{% endblock %}") == [
        "a value within <script> runs as a part of it"
    ]
    files = {**PARTS, "t.html": begin + "{% block url %}{{ x }}{% endblock %}"}
    renderer = Renderer(files, [])
    html = renderer.render("t.html", renderer.names("t.html", {"x": "javascript:go()"}))
    assert html.startswith('<a href="#">')


def test_a_value_behind_a_block_is_escaped_for_where_it_stands_without_the_block() -> None:
    """A template that extends this one may leave the block empty."""
    files = {
        "base.html": '<a href="{% block url %}/{% endblock %}{{ x }}">',
        "t.html": "{% extends 'base.html' %}{% block url %}{% endblock %}",
    }
    renderer = Renderer(files, [])
    html = renderer.render("t.html", renderer.names("t.html", {"x": "javascript:go()"}))
    assert html == '<a href="#">'


def test_names_that_nobody_gives_are_found() -> None:
    """In the template and all it includes, unless they may be missing."""
    files = {
        "t.html": "{% set own = 1 %}{{ own }}{{ given }}\n{{ gone }}{% include 'part.html' %}",
        "part.html": "{{ own }}\n\n{{ lost }}{{ soft | default('') }}"
        "{% if hard is defined %}{{ hard }}{% endif %}",
    }
    found = Renderer(files, []).undefined("t.html", ["given"])

    assert [*found] == [("t.html", 2, "gone"), ("part.html", 3, "lost")]
