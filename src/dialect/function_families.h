// One registration function for each family of Spark functions; RegisterSparkFunctions calls them
// all. Threads and errors: as RegisterSparkFunctions.
#pragma once

#include "dialect/function_bind.h"

namespace tarn::dialect {

void RegisterCastFunctions(FunctionTable& table);
void RegisterArithmeticFunctions(FunctionTable& table);
void RegisterComparisonFunctions(FunctionTable& table);
void RegisterStringFunctions(FunctionTable& table);
void RegisterRegexFunctions(FunctionTable& table);
void RegisterFormatFunctions(FunctionTable& table);
void RegisterMathFunctions(FunctionTable& table);
void RegisterDateFunctions(FunctionTable& table);
void RegisterTimestampFunctions(FunctionTable& table);
void RegisterHashFunctions(FunctionTable& table);
void RegisterJsonFunctions(FunctionTable& table);
void RegisterCollectionFunctions(FunctionTable& table);
void RegisterMapFunctions(FunctionTable& table);
void RegisterAggregateFunctions(FunctionTable& table);

}  // namespace tarn::dialect
