#include "jinja/modules.h"

#include "jinja/module_object.h"

namespace tarn::jinja {

Value MakeModules() {
  auto modules = MakeRef<ModuleNamespace>("modules");
  return Value(modules);
}

}  // namespace tarn::jinja
