// How a Spark function becomes DuckDB expressions.
//
// What it is: Spark decides by argument types, DuckDB's overloads cannot say all of that. So every
// `spark_…` function is registered with arguments of any type and a binding: a C++ function which
// gets the bound arguments when the statement is bound and returns the expression that replaces the
// call. It builds it from DuckDB's own functions, casts and comparisons where those agree with
// Spark (the optimiser then sees nothing foreign) and from native vector functions where they do
// not.
//
// What it does not do: it knows no single function; those are in function_<family>.cc.
// Threads: bindings run on the binding thread, native functions on any. Errors:
// duckdb::BinderException for types Spark refuses, duckdb::InvalidInputException for values.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "duckdb.hpp"
#include "duckdb/function/aggregate_function.hpp"
#include "duckdb/function/function_set.hpp"
#include "duckdb/function/scalar_function.hpp"
#include "duckdb/planner/expression.hpp"

namespace tarn::dialect {

using Expr = duckdb::unique_ptr<duckdb::Expression>;
using Exprs = duckdb::vector<Expr>;

// One call being bound. Arguments that a binding uses twice are copied with Copy, and evaluated
// once by DuckDB's common subexpression elimination.
class FunctionCall {
 public:
  FunctionCall(duckdb::ClientContext& context, duckdb::Binder& binder, const std::string& name,
               Exprs& arguments)
      : context(context), binder(binder), name(name), arguments(arguments) {}

  duckdb::idx_t Count() const { return arguments.size(); }
  const duckdb::LogicalType& Type(duckdb::idx_t i) const { return arguments[i]->return_type; }
  duckdb::LogicalTypeId Id(duckdb::idx_t i) const { return Type(i).id(); }
  bool IsNull(duckdb::idx_t i) const { return Id(i) == duckdb::LogicalTypeId::SQLNULL; }
  Expr Take(duckdb::idx_t i) { return std::move(arguments[i]); }
  Expr Copy(duckdb::idx_t i) const { return arguments[i]->Copy(); }
  // The value of an argument that must be known when the statement is bound; false when it is not.
  bool Constant(duckdb::idx_t i, duckdb::Value& value) const;

  // A function of the catalog: DuckDB's, or one registered with RegisterBinding.
  Expr Call(const std::string& function, Exprs args, bool is_operator = false);
  template <class... Args>
  Expr Call(const std::string& function, Args... args) {
    Exprs list;
    (list.push_back(std::move(args)), ...);
    return Call(function, std::move(list));
  }
  // A DuckDB expression with $1 … $n standing for `args`. No lambdas.
  Expr Sql(const std::string& text, Exprs args);
  template <class... Args>
  Expr Sql(const std::string& text, Args... args) {
    Exprs list;
    (list.push_back(std::move(args)), ...);
    return Sql(text, std::move(list));
  }
  // DuckDB's own cast.
  Expr Plain(Expr value, const duckdb::LogicalType& type, bool is_try = false);
  // Spark's cast.
  Expr Cast(Expr value, const duckdb::LogicalType& type, bool is_try = false);
  Expr Text(Expr value) { return Cast(std::move(value), duckdb::LogicalType::VARCHAR); }

  [[noreturn]] void Refuse(const std::string& why) const;

  duckdb::ClientContext& context;
  duckdb::Binder& binder;
  const std::string& name;
  Exprs& arguments;
};

Expr Literal(duckdb::Value value);
Expr Compare(duckdb::ExpressionType type, Expr left, Expr right);
Expr CaseWhen(Expr condition, Expr then, Expr otherwise);
Expr IsNull(Expr value);

// A call of a vector function that is in no catalog. Unless `handles_null`, a NULL argument gives
// NULL and the function never sees that row.
Expr Native(const std::string& name, const duckdb::LogicalType& result,
            duckdb::scalar_function_t function, Exprs args, bool handles_null = false,
            duckdb::unique_ptr<duckdb::FunctionData> data = nullptr, bool is_volatile = false);

using Binding = Expr (*)(FunctionCall& call);

// The functions of the dialect by name without prefix: what the rewrite asks and what is put into a
// database.
class FunctionTable {
 public:
  void Add(const std::string& name, duckdb::ScalarFunction function);
  void Add(const std::string& name, duckdb::AggregateFunctionSet functions);
  bool Has(const std::string& name) const { return names_.count(name) > 0; }
  bool HasAggregate(const std::string& name) const;
  void RegisterAll(duckdb::DatabaseInstance& database) const;

 private:
  std::set<std::string> names_;
  std::vector<duckdb::ScalarFunction> scalars_;
  std::map<std::string, duckdb::AggregateFunctionSet> aggregates_;
};

// Every family's functions; made once.
const FunctionTable& SparkFunctions();

// Adds `spark_<name>`; calls with another number of arguments are refused. `max_args` -1: any
// number.
void RegisterBinding(FunctionTable& table, const std::string& name, int min_args, int max_args,
                     Binding binding);

// What a native function keeps from binding: a copyable closure state.
template <class T>
struct ClosureData : duckdb::FunctionData {
  explicit ClosureData(T state) : state(std::move(state)) {}
  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override {
    return duckdb::make_uniq<ClosureData<T>>(state);
  }
  bool Equals(const duckdb::FunctionData& other) const override {
    return this == &other;  // never shared by common subexpression elimination
  }
  T state;
};

// ---- rows: the plain way to write a vector function -------------------------------------------

class RowIn {
 public:
  bool IsNull(duckdb::idx_t column) const {
    const auto& format = formats_[column];
    return !format.validity.RowIsValid(format.sel->get_index(row));
  }
  template <class T>
  T Get(duckdb::idx_t column) const {
    const auto& format = formats_[column];
    return duckdb::UnifiedVectorFormat::GetData<T>(format)[format.sel->get_index(row)];
  }
  std::string_view Text(duckdb::idx_t column) const {
    const auto& format = formats_[column];
    const auto& value =
        duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format)[format.sel->get_index(row)];
    return {value.GetData(), value.GetSize()};
  }
  duckdb::Value Boxed(duckdb::idx_t column) const { return chunk_.data[column].GetValue(row); }
  duckdb::idx_t Columns() const { return formats_.size(); }

  duckdb::idx_t row = 0;

 private:
  friend class RowLoop;
  explicit RowIn(duckdb::DataChunk& chunk);
  duckdb::DataChunk& chunk_;
  duckdb::vector<duckdb::UnifiedVectorFormat> formats_;
};

class RowOut {
 public:
  void Null() { duckdb::FlatVector::SetNull(result_, row, true); }
  template <class T>
  void Set(T value) {
    duckdb::FlatVector::GetData<T>(result_)[row] = value;
  }
  void Text(std::string_view text) {
    duckdb::FlatVector::GetData<duckdb::string_t>(result_)[row] =
        duckdb::StringVector::AddStringOrBlob(result_, text.data(), text.size());
  }
  void Texts(const duckdb::vector<std::string>& texts);  // a list of strings
  void Boxed(const duckdb::Value& value) { result_.SetValue(row, value); }
  duckdb::Vector& result() { return result_; }

  duckdb::idx_t row = 0;

 private:
  friend class RowLoop;
  explicit RowOut(duckdb::Vector& result) : result_(result) {}
  duckdb::Vector& result_;
};

// Calls `each(in, out)` per row and handles constant vectors and NULL arguments.
class RowLoop {
 public:
  template <class F>
  static void Run(duckdb::DataChunk& args, duckdb::Vector& result, bool handles_null, F&& each) {
    const bool constant = args.ColumnCount() > 0 && args.AllConstant();
    const duckdb::idx_t count = constant ? 1 : args.size();
    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    RowIn in(args);
    RowOut out(result);
    for (duckdb::idx_t row = 0; row < count; row++) {
      in.row = row;
      out.row = row;
      bool is_null = false;
      for (duckdb::idx_t c = 0; !handles_null && c < in.Columns(); c++) is_null |= in.IsNull(c);
      if (is_null) {
        out.Null();
      } else {
        each(in, out);
      }
    }
    if (constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  }
};

// A vector function from a function of one row without state.
template <class F>
duckdb::scalar_function_t EachRow(F each, bool handles_null = false) {
  return [each, handles_null](duckdb::DataChunk& args, duckdb::ExpressionState&,
                              duckdb::Vector& result) {
    RowLoop::Run(args, result, handles_null, each);
  };
}

// Registers `spark_<name>` as a native function of these argument types; arguments are cast as
// Spark's implicit casts do. A trailing argument may be left out when `min_args` says so (then no
// value is seen for it).
struct NativeSpec {
  const char* name;
  duckdb::vector<duckdb::LogicalType> arguments;
  duckdb::LogicalType result;
  duckdb::scalar_function_t function;
  int min_args = -1;
  bool handles_null = false;
};
void RegisterNative(FunctionTable& table, NativeSpec spec);

}  // namespace tarn::dialect
