// dbt's `modules`: the parts of Python's library that templates reach, datetime, re, itertools,
// pytz.
#pragma once

#include "jinja/value.h"

namespace tarn::jinja {

// An object with the attributes datetime, re, itertools and pytz. Stateless: one may serve all
// sessions.
Value MakeModules();

Value MakeDatetimeModule();   // datetime.cc
Value MakeReModule();         // regex.cc
Value MakeItertoolsModule();  // itertools.cc
Value MakePytzModule();       // datetime.cc

}  // namespace tarn::jinja
