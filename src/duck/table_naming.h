// Messages about a table under the name the user knows it by.
#pragma once

#include <string>

#include "base/status.h"

namespace tarn::duck {

// The status with the table's SQL name in front; delta's own "table <folder>: " gives way to it.
// OK stays OK.
Status NamingTable(const Status& status, const std::string& folder, const std::string& name);

}  // namespace tarn::duck
