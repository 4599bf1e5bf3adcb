// Taking a table's folder away so that a crash leaves either the table or no table.
//
// On a local disk the folder is renamed into `.trash` of the lake first (one atomic step) and
// deleted there; what a crash leaves in `.trash` is removed by the next call. Stores without
// folders lose the log first, oldest entries first, a thousand at a time: a crash between two
// thousands leaves a table that says which version is missing, never an older state of it, and
// DROP works on what is left.
//
// Threads: safe. Errors: kPermission, kIo naming the folder; the table then stands as it was unless
// the message says otherwise.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "store/object_store.h"

namespace tarn::duck {

Status RemoveFolder(store::ObjectStore& store, const std::string& key);

}  // namespace tarn::duck
