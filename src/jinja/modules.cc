#include "jinja/modules.h"

#include "jinja/module_object.h"

namespace tarn::jinja {

Value MakeModules() {
  auto modules = MakeRef<ModuleNamespace>("modules");
  modules->Add("datetime", MakeDatetimeModule());
  modules->Add("re", MakeReModule());
  modules->Add("itertools", MakeItertoolsModule());
  modules->Add("pytz", MakePytzModule());
  return Value(modules);
}

}  // namespace tarn::jinja
