"""Templates that name one rule each; the two engines must agree on all of them."""

MODULES = """{{ modules.datetime.date(2024, 2, 29) }} {{ modules.datetime.datetime(2024, 1, 2, 3, 4, 5, 6) }}
{{ modules.datetime.datetime(2024, 1, 2).strftime('%Y-%m-%d %H:%M:%S %j %a %A %b %B %y %I %p %% %f %U %w') }}
{{ modules.datetime.datetime(2024, 1, 31, 12) + modules.datetime.timedelta(days=1.5, hours=-3, seconds=1) }}
{{ modules.datetime.date(2024, 3, 1) - modules.datetime.date(2023, 3, 1) }}
{{ (modules.datetime.date(2024, 3, 1) - modules.datetime.date(2023, 3, 1)).days }}
{{ modules.datetime.timedelta(days=-1, microseconds=5) }} {{ [modules.datetime.timedelta(hours=30)] }}
{{ [modules.datetime.datetime(2024, 1, 2, 3, 4), modules.datetime.date(2024, 1, 2)] }}
{{ modules.datetime.datetime.strptime('2024-05-06 07:08', '%Y-%m-%d %H:%M') }}
{{ modules.datetime.datetime.strptime('6 May 2024 1PM', '%d %b %Y %I%p').isoformat() }}
{{ modules.datetime.datetime.fromisoformat('2024-05-06T07:08:09.123456+02:00') }}
{{ modules.datetime.date.fromisoformat('2024-05-06').replace(day=1).isoweekday() }}
{{ modules.datetime.datetime.combine(modules.datetime.date(2024, 1, 2), modules.datetime.time(3, 4)) }}
{{ modules.datetime.datetime(2024, 7, 1, 12) < modules.datetime.datetime(2024, 7, 2) }}
{{ modules.datetime.timedelta(hours=5) / modules.datetime.timedelta(hours=2) }} {{ modules.datetime.timedelta(1) * 2.5 }}
{{ modules.datetime.datetime(2024, 7, 1).isocalendar()[1] }} {{ modules.datetime.timedelta(minutes=90).total_seconds() }}
{{ modules.pytz.timezone('America/New_York').localize(modules.datetime.datetime(2024, 7, 1, 12)) }}
{{ modules.pytz.utc.localize(modules.datetime.datetime(2024, 7, 1)).astimezone(modules.pytz.timezone('Asia/Tokyo')) }}
{{ modules.pytz.timezone('Europe/Berlin').localize(modules.datetime.datetime(2024, 12, 1, 12)).strftime('%z %Z') }}"""

EXPRESSIONS = """{{ modules.re.sub('(\\\\w+) (\\\\w+)', '\\\\2 \\\\1', 'hello world') }} {{ modules.re.findall('a(b)?', 'ab a') }}
{{ modules.re.match('(?P<x>\\\\d+)-(?P<y>\\\\d+)', '12-34').groupdict() }} {{ modules.re.search('b+', 'abbb').span() }}
{{ modules.re.split('[,;]\\\\s*', 'a, b;c') }} {{ modules.re.sub('(?<=a)b', 'X', 'ab cb') }} {{ modules.re.match('x', 'y') }}
{{ modules.re.compile('A', modules.re.I).findall('aA') }} {{ modules.re.escape('a.b') }} {{ modules.re.split('(-)', 'a-b') }}
{{ modules.re.fullmatch('a{,2}', 'aa').group() }} {{ modules.re.findall('(a)(b)', 'abab') }} {{ modules.re.sub('', '-', 'ab') }}
{{ modules.re.findall('\\\\b\\\\w', 'na\u00efve caf\u00e9 \u00fcber') }} {{ modules.re.subn('a', 'b', 'aaa', 2) }}
{{ modules.itertools.chain([1], [2, 3])|list }} {{ modules.itertools.product('ab', [1, 2])|list }}
{{ modules.itertools.combinations([1, 2, 3], 2)|list }} {{ modules.itertools.permutations([1, 2])|list }}
{{ modules.itertools.zip_longest([1], [2, 3])|list }} {{ modules.itertools.islice([1, 2, 3, 4], 1, 3)|list }}
{{ modules.itertools.chain.from_iterable([[1], [2]])|list }} {{ modules.itertools.accumulate([1, 2, 3])|list }}"""

TEMPLATES = [
    MODULES, EXPRESSIONS,
    "{% if true: %}a{% else: %}b{% endif %}", "{{ 1_000 + 0x10 }} {{ 2**70 }} {{ 0xa020d57ab0448ef74115c112d18a9c231cc86000 }}",
    "{{ 1e20 }} {{ 10000000000000000.0 }} {{ 0.1+0.2 }} {{ 2.5|round }} {{ 7/2 }} {{ 7//2 }} {{ -7//2 }} {{ -7 % 3 }} {{ 1e-5 }}",
    "{{ '%s-%05.2f' % ('a', 3.14159) }} {{ '{:>5}|{x}'.format('b', x=2) }} {{ 'a' 'b' }} {{ ('a',) }} {{ 'abc'[::-1] }}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, z=4) }}",
    "{% macro m() %}[{{ caller(3) }}]{% endmacro %}{% call(n) m() %}{{ n }}{% endcall %}",
    "{% macro m() %}{{ return([1, 2]) }}{% endmacro %}{{ m()[1] }}{% macro n() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ n() }}",
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "{% for k, v in {'a': 1}.items() if v %}{{ k }}{% else %}none{% endfor %}{% for i in [] %}{% else %}e{% endfor %}",
    "{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{{ loop.index }}{% endfor %}",
    "{% for i in [1, 2] %}{% break %}{% else %}else{% endfor %}{% for i in [1, 2] %}{% continue %}{% else %}else{% endfor %}",
    "{% for i in range(3) %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(i // 2) }}{% endfor %}",
    "{% for i in [[1, [2, [3]]]] recursive %}{{ loop.depth }}{% if i is iterable %}{{ loop(i) }}{% endif %}{% endfor %}",
    "{{ x }}{% set x = 1 %}{{ x }}{% if false %}{% set y = 1 %}{% endif %}{{ y }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "  {%- if true -%}  x  {%- endif -%}  y",
    "{% raw %}{{ x }}{% endraw %}{#- c -#} z {{ 'q' -}}  w\n\n", "a\r\nb\rc\n", "{{ 'a\u00a0b' }}{{\u00a01\u00a0}}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c %}x{% endset %}{{ c }}{% set d | upper %}y{% endset %}{{ d }}",
    "{% filter upper %}a{{ 1 }}{% endfilter %}{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{% do [1].append(2) %}",
    "{{ {'a': 1, 'b': [none, true]} }}{{ none }}{{ true }}{{ undefined_thing }}{{ (1, 2) }}{{ [1.0, 'x'] }}",
    "{{ undefined_thing.x }}", "{{ undefined_thing() }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ [1][5] }}{{ {}['x'] }}", "{{ 1 // 0 }}",
    "{% for i in 5 %}{% endfor %}", "{{ m(", "{% if %}", "{% endif %}", "{% foo %}", "{{ x | nope }}", "{{ 'abc }}", "{% if x %}",
    "{% block a %}1{% endblock %}{{ self.a() }}", "{% for i in [1] %}{% set loop = 1 %}{% endfor %}", "{{ 1 if false }}{{ 2 if true }}",
    "{% materialization x, adapter='duckdb', supported_languages=['sql', 'python'] %}M{{ supported_languages }}{% endmaterialization %}"
    "{{ materialization_x_duckdb() }}{% test t(model, column_name='c') %}{{ model }}{{ column_name }}{% endtest %}{{ test_t(1) }}",
    "{% materialization x, bad=1 %}{% endmaterialization %}", "{% snapshot s %}x{% endsnapshot %}{{ snapshot_s() }}{% docs d %}y{% enddocs %}",
    "{{ 'x' is in ['x'] }}{{ 1 is divisibleby 1 }}{{ 3 is odd }}{{ 'a' is eq 'a' }}{{ x is not defined }}{{ 'a' is string and 1 is number }}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "{{ 1 < 2 < 3 }}{{ 1 < 2 > 3 }}{{ not 1 == 2 }}{{ 'a' not in 'b' }}{{ 2 ** 3 ** 2 }}",
    "{{ -1|abs }}{{ -2 ** 2 }}{{ 'a' ~ 1 + 2 }}{{ [1, 2] | join(',') | length }}{{ 'a.b'.split('.')[0] }}{{ 5 is number }}{{ [[1, 2]][0].1 }}",
]
LITERALS = ["1", "-1.5", "'a'", "[1, 'a', None]", "{'a': (1,)}", "True", "{1, 2}", "1 +", "a", "", " 1", "1_000", "0x1f", "'a' 'b'",
            "(1, 2)", "1, 2", "[1,]", "{}", "set()", "'\\n'", "\"it's\"", "[1\n, 2]", "None", "nan", "1e3", "--1", "[[[]]]", "'''a\nb'''",
            "{'a': 1, 'b'}", "[1 2]", "01", "1.", ".5", "r'\\d'", "# c", "'a", "true"]
NATIVE = ["{{ 1 + 1 }}", "{{ 1 }}{{ 2 }}", "x", "{{ [1, 2] }}", "{{ 'a' }}", "{{ '1' }}", "[{{ 1 }}, 2]", "{{ none }}", "{{ true }}", " {{ 1 }}"]
