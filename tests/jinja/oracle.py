"""Jinja2 set up as dbt sets it up: sandbox, do, loop controls, dbt's block tags, return(), and Mock objects.

The C++ side of the same is driver.cc and mock.h.
"""
import ast
import datetime
import itertools
import re
import types

import jinja2
import jinja2.ext
import jinja2.nativetypes
import jinja2.runtime
import jinja2.sandbox
import pytz


class MacroReturn(BaseException):
    def __init__(self, value):
        super().__init__()
        self.value = value


def _invoke(self, arguments, autoescape):
    try:
        return self._func(*arguments)
    except MacroReturn as done:
        if self.name is None:
            raise
        return done.value


jinja2.runtime.Macro._invoke = _invoke


def do_return(data):
    raise MacroReturn(data)


def plain(text):
    """Without the names and addresses of Python's own objects."""
    text = re.sub(r"<generator object [^>]*>", "<generator object>", text)
    text = re.sub(r"<(built-in method \w+ of \w+ object) at 0x[0-9a-f]+>", r"<\1>", text)
    # tojson and escape mark their text as safe; here such text is text.
    text = re.sub(r"Markup\(('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)", r"\1", text)
    text = re.sub(r"<([\w.]+) object at 0x[0-9a-f]+>", r"<\1 object>", text)
    return text


class Mock:
    __slots__ = ("_path",)

    def __init__(self, path):
        object.__setattr__(self, "_path", path)

    def _derived(self, more):
        path = self._path
        if len(path.encode()) + len(more.encode()) > 2000:
            return Mock("<long>")
        return Mock(path + more)

    def __getattr__(self, name):
        # The sandbox refuses attributes with an underscore; dbt's packages are dicts, whose items it allows.
        if name.startswith("_") or name in ("contextfunction", "jinja_pass_arg", "unsafe_callable", "alters_data"):
            raise AttributeError(name)
        return self._derived("." + name)

    def __getitem__(self, key):
        if isinstance(key, slice):
            raise TypeError("'Mock' object is not subscriptable")
        return self._derived(f"[{key!r}]")

    def __call__(self, *args, **kwargs):
        kwargs.pop("_loop_vars", None)
        kwargs.pop("_block_vars", None)
        parts = [plain(repr(a)) for a in args]
        parts += ["caller" if k == "caller" else plain(f"{k}={v!r}") for k, v in kwargs.items()]
        return self._derived(f"({', '.join(parts)})")

    def __iter__(self):
        return iter((self._derived("[0]"), self._derived("[1]")))

    def __len__(self):
        return 2

    def __str__(self):
        return self._path

    __repr__ = __str__

    def __eq__(self, other):
        return isinstance(other, Mock) and other._path == self._path

    def __hash__(self):
        return hash(self._path)

    def __lt__(self, other):
        if not isinstance(other, Mock):
            return NotImplemented
        return self._path < other._path

    def __gt__(self, other):
        if not isinstance(other, Mock):
            return NotImplemented
        return other._path < self._path

    def __le__(self, other):
        if not isinstance(other, Mock):
            return NotImplemented
        return not other._path < self._path

    def __ge__(self, other):
        if not isinstance(other, Mock):
            return NotImplemented
        return not self._path < other._path

    def __contains__(self, item):
        return any(item == x for x in self)


class NamedBlock(jinja2.ext.Extension):
    """dbt's block tags: macros under another name."""
    tags = {"test", "data_test", "materialization", "docs", "snapshot"}

    def parse(self, parser):
        tag = parser.stream.current.value
        node = jinja2.nodes.Macro(lineno=next(parser.stream).lineno)
        name = parser.parse_assign_target(name_only=True).name
        node.args, node.defaults = [], []
        if tag in ("test", "data_test"):
            parser.parse_signature(node)
            node.name = "test_" + name
            ends = ("name:endtest", "name:enddata_test")
        elif tag == "materialization":
            node.name = self._materialization(parser, node, name)
            ends = ("name:endmaterialization",)
        else:
            node.name = f"{tag}_{name}"
            ends = (f"name:end{tag}",)
        node.body = parser.parse_statements(ends, drop_needle=True)
        return node

    @staticmethod
    def _materialization(parser, node, name):
        adapter = "default"
        while parser.stream.skip_if("comma"):
            target = parser.parse_assign_target(name_only=True)
            if target.name == "default":
                continue
            if target.name not in ("adapter", "supported_languages"):
                parser.fail(f"materialization {name!r} received unknown argument {target.name!r}")
            parser.stream.expect("assign")
            value = parser.parse_expression()
            if target.name == "adapter":
                if not isinstance(value, jinja2.nodes.Const) or not isinstance(value.value, str):
                    parser.fail("the adapter of a materialization must be a string")
                adapter = value.value
            else:
                target.set_ctx("param")
                node.args.append(target)
                node.defaults.append(value)
        if not node.args:
            node.args.append(jinja2.nodes.Name("supported_languages", "param"))
            node.defaults.append(jinja2.nodes.List([jinja2.nodes.Const("sql")]))
        return f"materialization_{name}_{adapter}"


UNDEFINED = {"strict": jinja2.StrictUndefined, "chainable": jinja2.ChainableUndefined,
             "debug": jinja2.DebugUndefined}
MODULES = types.SimpleNamespace(datetime=datetime, re=re, itertools=itertools, pytz=pytz)


def environment(request, cls=jinja2.sandbox.SandboxedEnvironment):
    env = cls(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", NamedBlock],
              trim_blocks=bool(request.get("trim")), lstrip_blocks=bool(request.get("lstrip")),
              undefined=UNDEFINED.get(request.get("undefined"), jinja2.Undefined),
              loader=jinja2.DictLoader(request.get("files") or {}))
    env.globals["return"] = do_return
    for name in ("as_text", "as_bool", "as_number", "as_native"):
        env.filters[name] = lambda x: x
    return env


def undeclared(request):
    """The names that a template takes from outside, or None when it does not parse."""
    env = environment(request)
    try:
        return sorted(jinja2.meta.find_undeclared_variables(env.parse(request["source"])) - set(env.globals))
    except Exception:
        return None


def run(request):
    """{"ok": text} or {"error": kind, "message": text}, as driver.cc answers."""
    mode = request.get("mode", "render")
    try:
        if mode == "literal":
            return {"ok": repr(ast.literal_eval(request["source"]))}
        cls = jinja2.sandbox.SandboxedEnvironment
        if mode == "native":
            cls = type("NativeSandbox", (jinja2.sandbox.SandboxedEnvironment, jinja2.nativetypes.NativeEnvironment), {})
        env = environment(request, cls)
        template = env.from_string(request["source"])
        if mode == "parse":
            return {"ok": ""}
        names = {"modules": MODULES}
        names.update({name: Mock(name) for name in request.get("mocks") or ()})
        names.update(request.get("vars") or {})
        if mode == "native":
            template = env.from_string(request["source"], template_class=jinja2.nativetypes.NativeTemplate)
            return {"ok": plain(repr(template.render(names)))}
        return {"ok": plain(template.render(names))}
    except RecursionError as problem:
        return {"error": "RecursionError", "message": str(problem)}
    except MacroReturn:
        return {"error": "return", "message": ""}
    except Exception as problem:
        return {"error": type(problem).__name__, "message": str(problem)}


import jinja2.meta  # noqa: E402  (after jinja2 itself)
