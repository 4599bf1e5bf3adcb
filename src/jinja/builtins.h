// Jinja2's own filters, tests and globals.
#pragma once

#include "jinja/environment.h"

namespace tarn::jinja {

void AddBuiltins(Environment& env);  // all of them

void AddTextualFilters(Environment& env);    // filters_text.cc
void AddSequenceFilters(Environment& env);   // filters_sequence.cc
void AddSelectionFilters(Environment& env);  // filters_select.cc
void AddTests(Environment& env);             // tests.cc
void AddGlobals(Environment& env);           // globals.cc

// Reads "a.b.0" from an item, as map(attribute=...), sort(attribute=...) and others do.
Result<Value> AttributePath(Session& session, const Value& item, const Value& path);

}  // namespace tarn::jinja
