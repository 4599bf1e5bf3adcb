// The part of the string family that is about words and addresses; registered by
// RegisterFormatFunctions.
#pragma once

#include "dialect/function_bind.h"

namespace tarn::dialect {

// levenshtein, soundex, mask, url_encode, parse_url, sentences, quote, luhn_check, …
void RegisterWordFunctions(FunctionTable& table);

}  // namespace tarn::dialect
