#include "duck/table_naming.h"

namespace tarn::duck {

Status NamingTable(const Status& status, const std::string& folder, const std::string& name) {
  if (status.ok()) return status;
  const std::string told = "table " + folder + ": ";
  const std::string& message = status.message();
  if (message.rfind(told, 0) != 0) return status.WithContext("table " + name);
  return Status(status.code(), "table " + name + ": " + message.substr(told.size()),
                status.retry());
}

}  // namespace tarn::duck
