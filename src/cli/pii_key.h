// `--pii-key ID=env:NAME|file:PATH`: gives a session the function pii_token(value).
//
// pii_token(value) is "<ID>.<HMAC-SHA-256 of the UTF-8 text, hex>", NULL for NULL: the same person
// gets the same token in every table, and nobody without the key can try names against it. The key
// id in front lets a key be replaced while old tokens are still told apart.
//
// What it does not do: it keeps no key. The key never is part of a statement's text, a table or a
// log; whoever may run statements in this very session could still read it back, as could anyone
// who may read the key.
#pragma once

#include <string>

#include "base/status.h"
#include "engine/engine.h"

namespace tarn::cli {

// `option` as given on the command line. kInvalidArgument or kNotFound say what is wrong without
// the key.
Status DefinePiiToken(engine::Session& session, const std::string& option);

}  // namespace tarn::cli
