"""Makes random templates from a seed: expressions, statements, macros, loops, scopes, filters, whitespace."""
import random

VARS = {
    "a": 1, "b": 2.5, "c": -7, "big": 12345678901234567890, "s": "Hello World", "t": "x_y-Z", "e": "",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "B"], "d": {"k": 1, "z": "v", "Name": [1, 2]}, "n": None,
    "yes": True, "no": False, "u8": "na\u00efve \u6771\u4eac \u00df", "nested": {"x": {"y": [10, {"q": "deep"}]}},
    "recs": [{"name": "x", "v": 3, "g": "one"}, {"name": "Y", "v": 1, "g": "two"}, {"name": "z", "v": 2, "g": "one"}],
    "csv": "a,b,,c", "lines": "one\n  two\n\nthree ", "num": "42", "flt": " 3.50 ", "hex": "0x1F",
}
NUMBERS = ["a", "b", "c", "0", "1", "2", "-3", "1.5", "10", "0.1", "1e3", "7", "1_000", "big", "0x10", "100"]
TEXTS = ["s", "t", "e", "u8", "csv", "lines", "num", "flt", "hex", "'abc'", '"it\'s"', r"'a\nb\t\\'", "'%'", "'\u00e9'",
         "'x' 'y'", "''"]
LISTS = ["l", "ls", "[1, 2, 3]", "[]", "(1, 'a')", "(2,)", "recs", "range(4)", "[[1, 2], [3]]", "[none, true]"]
DICTS = ["d", "nested", "{}", "{'a': 1, 'b': [2]}", "{1: 2}", "nested.x"]
OTHERS = ["n", "yes", "no", "none", "true", "undefined_name", "d.missing", "l[9]", "nested.x.y[1].q"]
TEXT_FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "string", "reverse", "list", "wordcount",
                "replace('o', '0')", "replace('l', 'L', 1)", "center(15)", "truncate(7)", "truncate(5, true, '~')",
                "indent", "indent(2, true)", "int", "float", "default('dflt')", "escape", "first", "last", "join('-')",
                "striptags", "urlencode", "wordwrap(6)", "format(1, 2)", "trim('HdxZ')", "int(-1)", "float(9)", "tojson",
                "unique|list", "sort", "batch(3)|list", "slice(2)|list", "max", "min", "e", "count", "pprint"]
NUMBER_FILTERS = ["abs", "round", "round(1)", "round(2, 'ceil')", "round(1, 'floor')", "int", "float", "string",
                  "filesizeformat", "default(0)", "round(-1)", "tojson", "filesizeformat(true)"]
LIST_FILTERS = ["length", "first", "last", "sum", "max", "min", "sort", "sort(reverse=true)", "reverse|list", "join",
                "join(', ')", "list", "unique|list", "batch(2)|list", "batch(2, 0)|list", "slice(2)|list",
                "slice(3, 'f')|list", "map('string')|list", "map('upper')|join", "select|list", "reject|list",
                "select('odd')|list", "reject('none')|list", "select('gt', 1)|list", "map(attribute='name')|list",
                "selectattr('v', 'gt', 1)|map(attribute='name')|join(',')", "rejectattr('v')|list", "tojson",
                "groupby('g')|list", "sort(attribute='name')|map(attribute='v')|list", "sum(attribute='v')",
                "map('default', 'x')|list", "selectattr('g', 'equalto', 'one')|list|length", "random is defined",
                "map(attribute='q', default=5)|list", "tojson(2)", "pprint", "string", "sum(start=10)",
                "max(attribute='v')", "sort(case_sensitive=true)", "unique(case_sensitive=true)|list"]
DICT_FILTERS = ["length", "list", "items|list", "dictsort", "dictsort(by='value')", "tojson", "first", "join(',')",
                "string", "dictsort(true, 'key', true)", "pprint"]
TEXT_METHODS = ["upper()", "lower()", "strip()", "split()", "split(',')", "split('o', 1)", "rsplit(None, 1)",
                "replace('l', '1')", "startswith('H')", "endswith(('d', 'Z'))", "find('o')", "rfind('o')", "count('l')",
                "join(['1', '2'])", "title()", "swapcase()", "zfill(8)", "ljust(9, '.')", "rjust(9)", "center(9, '*')",
                "partition('_')", "rpartition('-')", "isdigit()", "isalpha()", "isspace()", "islower()", "splitlines()",
                "format(1, x=2)", "lstrip('H')", "rstrip()", "casefold()", "isupper()", "istitle()", "index('o')",
                "removeprefix('He')", "expandtabs(4)", "isidentifier()", "isalnum()", "capitalize()"]
LIST_METHODS = ["index(1)", "count(1)", "copy()", "append(4)", "extend([5])", "pop()", "insert(0, 9)", "reverse()",
                "remove(1)", "clear()", "sort()"]
DICT_METHODS = ["keys()|list", "values()|list", "items()|list", "get('k')", "get('q', 'none')", "copy()", "update({'n': 5})",
                "pop('k')", "pop('q', 0)", "setdefault('s', 1)", "items()", "keys()", "k", "popitem()"]
TESTS = ["defined", "undefined", "none", "string", "number", "mapping", "sequence", "iterable", "odd", "even", "integer",
         "float", "boolean", "true", "false", "callable", "lower", "upper", "divisibleby 2", "divisibleby(3)", "eq 1",
         "gt(0)", "in [1, 2]", "sameas none", "not none", "not defined", "ne 'x'", "le 3", "equalto 2.5", "in 'Hello'"]
FORMATS = ["'%s'", "'%d|%s'", "'%05.2f'", "'%-6s|'", "'%x'", "'%r'", "'%e'", "'%%'", "'%(k)s'", "'%+d'", "'%5s'", "'%i'", "'%g'",
           "'%.3s'", "'%c'", "'%o'", "'%#x'", "'% d'"]
BRACES = ["'{}'", "'{0}{0}'", "'{:>8}'", "'{:05.1f}'", "'{:,}'", "'{!r}'", "'{:^9}'", "'{:x}'", "'{:+}'", "'{:.2%}'", "'{:*<6}'",
          "'{k}'", "'{0[0]}'", "'{:e}'", "'{:.3}'", "'{:_}'", "'{:b}'", "'{:#o}'", "'{:g}'", "'{{}}{}'"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = []
        self.macros = []
        self.loops = 0

    def pick(self, items):
        return self.r.choice(items)

    def chance(self, p):
        return self.r.random() < p

    # ---- expressions
    def number(self, depth):
        k = self.r.random()
        if depth <= 0 or k < 0.4:
            return self.pick(NUMBERS)
        if k < 0.7:
            return f"({self.number(depth - 1)} {self.pick(['+', '-', '*', '/', '//', '%', '+', '-'])} {self.number(depth - 1)})"
        if k < 0.75:
            return f"({self.pick(['2 ** 0.5', 'a ** 3', '-2 ** 3', '1.5 ** 2', '-2 ** -1', '2 ** 100', 'b ** 0'])})"
        if k < 0.9:
            return f"({self.any(depth - 1)}|{self.pick(NUMBER_FILTERS)})"
        return f"{self.pick(['-', '+'])}{self.pick(NUMBERS)}"

    def text(self, depth):
        k = self.r.random()
        if depth <= 0 or k < 0.3:
            return self.pick(TEXTS)
        if k < 0.45:
            return f"({self.any(depth - 1)} ~ {self.any(depth - 1)})"
        if k < 0.6:
            return f"{self.text(depth - 1)}.{self.pick(TEXT_METHODS)}"
        if k < 0.72:
            return f"({self.text(depth - 1)}|{self.pick(TEXT_FILTERS)})"
        if k < 0.82:
            return f"({self.pick(FORMATS)} % {self.pick(['(a, s)', 'b', '(c,)', 's', 'd', '(1, 2)', self.any(depth - 1)])})"
        if k < 0.92:
            return f"{self.pick(BRACES)}.format({self.pick(['a', 'b', 's', 'l', 'a, k=s', 'big', '*l', '**d'])})"
        return f"{self.text(depth - 1)}[{self.slice()}]"

    def slice(self):
        part = lambda: self.pick(["", "0", "1", "-1", "2", "-3", "10"])  # noqa: E731
        k = self.r.random()
        if k < 0.3:
            return self.pick(["0", "-1", "2", "7"])
        return f"{part()}:{part()}" + (f":{self.pick(['', '1', '2', '-1', '-2'])}" if k > 0.6 else "")

    def listing(self, depth):
        k = self.r.random()
        if depth <= 0 or k < 0.4:
            return self.pick(LISTS)
        if k < 0.55:
            return "[" + ", ".join(self.any(depth - 1) for _ in range(self.r.randrange(4))) + "]"
        if k < 0.65:
            return f"({self.pick(['l', 'ls', '[1]', '(1,)'])} {self.pick(['+', '*'])} {self.pick(['l', '[4]', '2', '(2,)'])})"
        if k < 0.8:
            return f"({self.listing(depth - 1)}|{self.pick(LIST_FILTERS)})"
        if k < 0.9:
            return f"{self.listing(depth - 1)}[{self.slice()}]"
        return f"{self.listing(depth - 1)}.{self.pick(LIST_METHODS)}"

    def mapping(self, depth):
        k = self.r.random()
        if depth <= 0 or k < 0.5:
            return self.pick(DICTS)
        if k < 0.65:
            pairs = (f"{self.pick(TEXTS + NUMBERS)}: {self.any(depth - 1)}" for _ in range(self.r.randrange(3)))
            return "{" + ", ".join(pairs) + "}"
        if k < 0.8:
            return f"({self.mapping(depth - 1)}|{self.pick(DICT_FILTERS)})"
        if k < 0.95:
            return f"{self.mapping(depth - 1)}.{self.pick(DICT_METHODS)}"
        return f"dict({self.pick(['a=1', 'd', '[(1, 2)]', 'd, q=3'])})"

    def boolean(self, depth):
        k = self.r.random()
        if depth <= 0 or k < 0.15:
            return self.pick(["yes", "no", "a", "e", "l", "n", "undefined_name"])
        if k < 0.4:
            op = self.pick(["==", "!=", "<", ">", "<=", ">=", "in", "not in"])
            kind = self.pick([self.number, self.text, self.any])
            right = self.pick([self.listing, self.text, self.mapping]) if "in" in op else kind
            chain = f" {self.pick(['<', '==', '>'])} {kind(depth - 1)}" if self.chance(0.1) else ""
            return f"({kind(depth - 1)} {op} {right(depth - 1)}{chain})"
        if k < 0.6:
            return f"({self.any(depth - 1)} is {self.pick(TESTS)})"
        if k < 0.8:
            return f"({self.boolean(depth - 1)} {self.pick(['and', 'or'])} {self.boolean(depth - 1)})"
        return f"(not {self.boolean(depth - 1)})"

    def any(self, depth):
        k = self.r.random()
        if self.names and k < 0.15:
            return self.pick(self.names)
        if depth <= 0:
            return self.pick(NUMBERS + TEXTS + LISTS + DICTS + OTHERS)
        if k < 0.2:
            return self.pick(OTHERS)
        if k < 0.25:
            tail = f" else {self.any(depth - 1)}" if self.chance(0.7) else ""
            return f"({self.any(depth - 1)} if {self.boolean(depth - 1)}{tail})"
        if k < 0.28 and self.macros:
            return self.call(depth - 1)
        if k < 0.31 and self.loops:
            return self.pick(["loop.index", "loop.last", "loop.first", "loop.length", "loop.revindex", "loop.cycle(1, 's')",
                              "loop.changed(a)", "loop.previtem", "loop.nextitem", "loop.depth", "loop.index0"])
        return self.pick([self.number, self.text, self.listing, self.mapping, self.boolean])(depth)

    def call(self, depth):
        name, arity = self.pick(self.macros)
        args = [self.any(depth) for _ in range(self.r.choice([arity, arity, max(0, arity - 1), arity + 1]))]
        if self.chance(0.2):
            args.append(f"{self.pick(['p0', 'p1', 'extra'])}={self.any(depth)}")
        if self.chance(0.05):
            args.append("*l")
        return f"{name}({', '.join(args)})"

    # ---- statements
    def sign(self):
        return self.pick(["", "", "", "-", "+"])

    def tag(self, inner):
        return "{%" + self.sign() + f" {inner} " + self.pick(["", "", "-"]) + "%}"

    def data(self):
        return self.pick(["", " ", "\n", "text", " a b ", "\n\n  ", "x = 1;\n", "-- sql\n", "{ }", "%", "\u00e9\n", "#"])

    def target(self):
        name = self.pick(["v0", "v1", "v2", "a", "_p"])
        if name not in self.names:
            self.names.append(name)
        return name

    def body(self, depth):
        return "".join(self.data() + self.statement(depth) for _ in range(self.r.randrange(1, 4))) + self.data()

    def statement(self, depth):
        k = self.r.random()
        if depth <= 0 or k < 0.35:
            return "{{" + self.pick(["", "-"]) + " " + self.any(3) + " " + self.pick(["", "-"]) + "}}"
        choices = [self.s_if, self.s_for, self.s_for, self.s_set, self.s_set, self.s_set_block, self.s_macro, self.s_with,
                   self.s_filter, self.s_call, self.s_do, self.s_namespace, self.s_raw, self.s_comment, self.s_break,
                   self.s_recursive, self.s_include, self.s_block]
        return self.pick(choices)(depth - 1)

    def s_if(self, depth):
        out = self.tag(f"if {self.boolean(2)}") + self.body(depth)
        if self.chance(0.3):
            out += self.tag(f"elif {self.boolean(2)}") + self.body(depth)
        if self.chance(0.5):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endif")

    def s_for(self, depth):
        outer = list(self.names)
        k = self.r.random()
        if k < 0.6:
            self.names.append("i")
            head = f"for i in {self.listing(2)}"
        elif k < 0.8:
            self.names += ["k1", "x1"]
            head = f"for k1, x1 in {self.pick(['d.items()', 'd|dictsort', '[(1, 2), (3, 4)]', 'nested.items()'])}"
        else:
            self.names.append("i")
            head = f"for i in {self.pick(['ls', 'l', 'range(5)', 'recs'])} if {self.boolean(1)}"
        self.loops += 1
        out = self.tag(head) + self.body(depth)
        self.loops -= 1
        self.names = outer
        if self.chance(0.25):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endfor")

    def s_recursive(self, depth):
        return (self.tag("for i in [[1, [2]], [3]] recursive") + "<{{ loop.depth }}:" +
                "{% if i is sequence and i is not string %}{{ loop(i) }}{% else %}{{ i }}{% endif %}>" + self.tag("endfor"))

    def s_set(self, depth):
        if self.chance(0.15):
            return self.tag(f"set {self.target()}, {self.target()} = {self.pick(['1, 2', 'l[:2]', self.any(1)])}")
        value = self.any(3)
        return self.tag(f"set {self.target()} = {value}")

    def s_set_block(self, depth):
        flt = f" | {self.pick(['upper', 'trim', 'length', 'replace(1, 2)'])}" if self.chance(0.3) else ""
        body = self.body(depth)
        return self.tag(f"set {self.target()}{flt}") + body + self.tag("endset")

    def s_macro(self, depth):
        name, arity = f"m{self.r.randrange(4)}", self.r.randrange(3)
        params = [f"p{i}" for i in range(arity)]
        shown = list(params)
        if shown and self.chance(0.5):
            shown[-1] += f"={self.any(1)}"
        outer, loops = list(self.names), self.loops
        self.names += params
        self.loops = 0
        extra = self.pick(["", "", "{{ varargs }}", "{{ kwargs }}", "{{ varargs|length }}{{ kwargs }}",
                           "{{ caller() if caller }}", "{{ caller(1) if caller is defined }}"])
        body = self.body(depth) + extra
        if self.chance(0.15):
            body += "{{ return(" + self.any(1) + ") }}"
        self.names, self.loops = outer, loops
        self.macros.append((name, arity))
        return self.tag(f"macro {name}({', '.join(shown)})") + body + self.tag("endmacro")

    def s_call(self, depth):
        if not self.macros:
            return self.s_set(depth)
        head = self.pick(["call ", "call(q) "]) + self.call(1)
        return self.tag(head) + self.body(depth) + self.tag("endcall")

    def s_with(self, depth):
        value = self.any(1)
        outer = list(self.names)
        self.names.append("w")
        out = self.tag(f"with w = {value}") + self.body(depth) + self.tag("endwith")
        self.names = outer
        return out

    def s_filter(self, depth):
        return self.tag(f"filter {self.pick(['upper', 'trim', 'indent(2)', 'replace(1, 2)', 'lower|title'])}") + \
            self.body(depth) + self.tag("endfilter")

    def s_do(self, depth):
        return self.tag(f"do {self.pick(['l.append(9)', 'd.update(q=1)', 'ls.pop()', self.any(2)])}")

    def s_namespace(self, depth):
        return (self.tag(f"set ns = namespace(x={self.any(1)})") + self.tag(f"for i in {self.pick(['l', 'range(3)'])}") +
                self.tag("set ns.x = ns.x ~ i") + self.tag("endfor") + "{{ ns.x }}")

    def s_raw(self, depth):
        return self.tag("raw") + self.pick(["{{ x }}", " {% if %} ", "\n{# #}\n", ""]) + self.tag("endraw")

    def s_comment(self, depth):
        return "{#" + self.sign() + " " + self.pick(["note", "{{ x }}", "\n"]) + " " + self.pick(["", "-"]) + "#}"

    def s_break(self, depth):
        if not self.loops:
            return self.s_if(depth)
        return self.tag(f"if {self.boolean(1)}") + self.tag(self.pick(["break", "continue"])) + self.tag("endif")

    def s_include(self, depth):
        return self.pick([self.tag("include 'part'"), self.tag("include 'none' ignore missing"),
                          self.tag("import 'lib' as lib") + "{{ lib.f(a) }}{{ lib.g }}",
                          self.tag("from 'lib' import f as ff, g") + "{{ ff(2) }}{{ g }}",
                          self.tag("import 'lib' as lib with context") + "{{ lib.h() }}"])

    def s_block(self, depth):
        name = f"b{self.r.randrange(1000)}"
        outer, loops = list(self.names), self.loops
        self.loops = 0
        out = self.tag(f"block {name}{self.pick(['', ' scoped'])}") + self.body(depth) + self.tag("endblock")
        self.names, self.loops = outer, loops
        return out


FILES = {"part": "[{{ a }}{{ v0 }}{{ i }}]", "lib": "{% macro f(x) %}<{{ x }}>{% endmacro %}{% set g = 7 %}"
         "{% macro h() %}{{ a }}{{ v0 }}{% endmacro %}", "base": "A{% block b %}base{% endblock %}Z"}
BROKEN = ["{%", "}}", "{{", "%}", "(", "]", "'", "\\", "|", ".", "for", "endif", "=", "  ", "\u00a0", "{#"]


def template(seed):
    """The request for one template: most are well formed, some are damaged on purpose."""
    maker = Maker(seed)
    source = maker.body(3)
    if maker.chance(0.03):
        source = "{% extends 'base' %}{% block b %}" + source.replace("block", "bl") + "{{ super() }}{% endblock %}"
    if maker.chance(0.06):
        at = maker.r.randrange(len(source) + 1)
        source = source[:at] + maker.pick(BROKEN) + source[at + maker.r.randrange(3):]
    request = {"source": source, "vars": VARS, "files": FILES}
    if maker.chance(0.1):
        request["trim"] = True
    if maker.chance(0.1):
        request["lstrip"] = True
    if maker.chance(0.1):
        request["undefined"] = maker.pick(["strict", "chainable", "debug"])
    return request
