// Conditions on generated partition columns that follow from conditions on the columns they are
// made of: with `day DATE GENERATED ALWAYS AS (CAST(ts AS DATE))` a condition on ts says which days
// can hold a match, so that files are skipped by partition.
//
// Known expressions: CAST(c AS DATE), DATE(c), TO_DATE(c), YEAR(c), of a date or a timestamp. An
// instant's day depends on the zone of whoever wrote the row: a day more counts on either side.
#pragma once

#include <string>
#include <vector>

#include "delta/predicate.h"
#include "delta/schema.h"

namespace tarn::duck {

// What `predicate` (a conjunct of WHERE) implies for the table's generated partition columns.
std::vector<delta::Predicate> ImpliedByGeneration(
    const delta::Predicate& predicate, const delta::Schema& schema,
    const std::vector<std::string>& partition_columns);

}  // namespace tarn::duck
