// Which types a column may be widened to, and how the schema remembers it (PROTOCOL.md, "Type
// Widening"): `delta.typeChanges` in the metadata of the field, or, below arrays and maps, of the
// nearest field above with a path.
//
// Threads: free functions on values of the caller.
#pragma once

#include "base/status.h"
#include "delta/actions.h"
#include "delta/schema.h"

namespace tarn::delta {

// The changes that the protocol allows, from one primitive type to another.
bool CanWiden(const DataType& from, const DataType& to);

// Gives the field another type and remembers the change, of every type inside where it is nested:
// fields of structs are taken in order and keep their names and metadata. Errors: kUnsupported
// naming both types when the protocol does not allow it or the shapes differ; nothing is changed.
Status WidenField(StructField* field, DataTypePtr to);

// Every change that the schema remembers is one that the protocol allows. Errors: kUnsupported
// naming the column and the change; kCorruption for metadata that is no list of changes.
Status CheckTypeChanges(const Schema& schema);

}  // namespace tarn::delta
