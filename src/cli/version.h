// The version of this build, as `tarn version` prints it and CHANGELOG.md lists it.
#pragma once

namespace tarn::cli {

inline constexpr const char* kTarnVersion = "0.1.0";

}  // namespace tarn::cli
