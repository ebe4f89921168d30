#include <array>
#include <cmath>
#include <limits>

#include "jq/builtins.hpp"

namespace riptide::transform::jq {
namespace {

template <double (*Function)(double)>
Status unary(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_number()) return fail_about(m, input, "number required");
  output = Value::number(Function(input.number()));
  return Status::kOk;
}

template <double (*Function)(double, double)>
Status binary(Machine& m, Value&, Value* arguments, Value& output) {
  for (int i = 0; i < 2; ++i) {
    if (!arguments[i].is_number()) return fail_about(m, arguments[i], "number required");
  }
  output = Value::number(Function(arguments[0].number(), arguments[1].number()));
  return Status::kOk;
}

Status b_fma(Machine& m, Value&, Value* arguments, Value& output) {
  for (int i = 0; i < 3; ++i) {
    if (!arguments[i].is_number()) return fail_about(m, arguments[i], "number required");
  }
  output = Value::number(std::fma(arguments[0].number(), arguments[1].number(), arguments[2].number()));
  return Status::kOk;
}

double exp_10(double x) noexcept { return ::exp10(x); }
double significand_of(double x) noexcept {
  if (x == 0 || std::isinf(x) || std::isnan(x)) return x;
  int exponent = 0;
  return std::frexp(x, &exponent) * 2;
}
double remainder_of(double x, double y) noexcept { return std::remainder(x, y); }
int clamp_exponent(double y) noexcept {
  if (std::isnan(y)) return 0;
  return y > 100'000 ? 100'000 : y < -100'000 ? -100'000 : static_cast<int>(y);
}
double load_exponent(double x, double y) noexcept { return std::ldexp(x, clamp_exponent(y)); }
double bessel_n(double n, double x) noexcept { return ::jn(clamp_exponent(n), x); }
double bessel_second_n(double n, double x) noexcept { return ::yn(clamp_exponent(n), x); }
double next_toward(double x, double y) noexcept { return std::nexttoward(x, static_cast<long double>(y)); }
double log_gamma(double x) noexcept {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// The overloads of <cmath> by name.
double f_floor(double x) { return std::floor(x); }
double f_ceil(double x) { return std::ceil(x); }
double f_sqrt(double x) { return std::sqrt(x); }
double f_round(double x) { return std::round(x); }
double f_trunc(double x) { return std::trunc(x); }
double f_rint(double x) { return std::rint(x); }
double f_nearbyint(double x) { return std::nearbyint(x); }
double f_fabs(double x) { return std::fabs(x); }
double f_sin(double x) { return std::sin(x); }
double f_cos(double x) { return std::cos(x); }
double f_tan(double x) { return std::tan(x); }
double f_asin(double x) { return std::asin(x); }
double f_acos(double x) { return std::acos(x); }
double f_atan(double x) { return std::atan(x); }
double f_sinh(double x) { return std::sinh(x); }
double f_cosh(double x) { return std::cosh(x); }
double f_tanh(double x) { return std::tanh(x); }
double f_asinh(double x) { return std::asinh(x); }
double f_acosh(double x) { return std::acosh(x); }
double f_atanh(double x) { return std::atanh(x); }
double f_cbrt(double x) { return std::cbrt(x); }
double f_exp(double x) { return std::exp(x); }
double f_exp2(double x) { return std::exp2(x); }
double f_expm1(double x) { return std::expm1(x); }
double f_log(double x) { return std::log(x); }
double f_log10(double x) { return std::log10(x); }
double f_log1p(double x) { return std::log1p(x); }
double f_log2(double x) { return std::log2(x); }
double f_logb(double x) { return std::logb(x); }
double f_tgamma(double x) { return std::tgamma(x); }
double f_erf(double x) { return std::erf(x); }
double f_erfc(double x) { return std::erfc(x); }
double f_j0(double x) { return ::j0(x); }
double f_j1(double x) { return ::j1(x); }
double f_y0(double x) { return ::y0(x); }
double f_y1(double x) { return ::y1(x); }
double f_pow(double x, double y) { return std::pow(x, y); }
double f_atan2(double x, double y) { return std::atan2(x, y); }
double f_copysign(double x, double y) { return std::copysign(x, y); }
double f_fdim(double x, double y) { return std::fdim(x, y); }
double f_fmax(double x, double y) { return std::fmax(x, y); }
double f_fmin(double x, double y) { return std::fmin(x, y); }
double f_fmod(double x, double y) { return std::fmod(x, y); }
double f_hypot(double x, double y) { return std::hypot(x, y); }
double f_nextafter(double x, double y) { return std::nextafter(x, y); }

Status b_frexp(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_number()) return fail_about(m, input, "number required");
  int exponent = 0;
  Value pair = Value::array(2);
  array_push(pair, Value::number(std::frexp(input.number(), &exponent)));
  array_push(pair, Value::number(static_cast<double>(exponent)));
  output = std::move(pair);
  return Status::kOk;
}

Status b_modf(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_number()) return fail_about(m, input, "number required");
  double whole = 0;
  Value pair = Value::array(2);
  array_push(pair, Value::number(std::modf(input.number(), &whole)));
  array_push(pair, Value::number(whole));
  output = std::move(pair);
  return Status::kOk;
}

Status b_lgamma_r(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_number()) return fail_about(m, input, "number required");
  int sign = 0;
  Value pair = Value::array(2);
  array_push(pair, Value::number(::lgamma_r(input.number(), &sign)));
  array_push(pair, Value::number(static_cast<double>(sign)));
  output = std::move(pair);
  return Status::kOk;
}

Status b_infinite(Machine&, Value&, Value*, Value& output) {
  output = Value::number(std::numeric_limits<double>::infinity());
  return Status::kOk;
}
Status b_nan(Machine&, Value&, Value*, Value& output) {
  output = Value::number(std::numeric_limits<double>::quiet_NaN());
  return Status::kOk;
}

// What is no number is neither of these, as from 1.8.2 on.
template <bool (*Test)(double)>
Status test(Machine&, Value& input, Value*, Value& output) {
  output = Value::boolean(input.is_number() && Test(input.number()));
  return Status::kOk;
}
bool t_infinite(double x) { return std::isinf(x); }
bool t_nan(double x) { return std::isnan(x); }
bool t_normal(double x) { return std::isnormal(x); }

constexpr auto kBuiltins = std::to_array<Builtin>({
    {"floor", 0, unary<f_floor>},
    {"ceil", 0, unary<f_ceil>},
    {"sqrt", 0, unary<f_sqrt>},
    {"round", 0, unary<f_round>},
    {"trunc", 0, unary<f_trunc>},
    {"rint", 0, unary<f_rint>},
    {"nearbyint", 0, unary<f_nearbyint>},
    {"fabs", 0, unary<f_fabs>},
    {"sin", 0, unary<f_sin>},
    {"cos", 0, unary<f_cos>},
    {"tan", 0, unary<f_tan>},
    {"asin", 0, unary<f_asin>},
    {"acos", 0, unary<f_acos>},
    {"atan", 0, unary<f_atan>},
    {"sinh", 0, unary<f_sinh>},
    {"cosh", 0, unary<f_cosh>},
    {"tanh", 0, unary<f_tanh>},
    {"asinh", 0, unary<f_asinh>},
    {"acosh", 0, unary<f_acosh>},
    {"atanh", 0, unary<f_atanh>},
    {"cbrt", 0, unary<f_cbrt>},
    {"exp", 0, unary<f_exp>},
    {"exp2", 0, unary<f_exp2>},
    {"exp10", 0, unary<exp_10>},
    {"expm1", 0, unary<f_expm1>},
    {"log", 0, unary<f_log>},
    {"log10", 0, unary<f_log10>},
    {"log1p", 0, unary<f_log1p>},
    {"log2", 0, unary<f_log2>},
    {"logb", 0, unary<f_logb>},
    {"gamma", 0, unary<log_gamma>},
    {"lgamma", 0, unary<log_gamma>},
    {"tgamma", 0, unary<f_tgamma>},
    {"lgamma_r", 0, b_lgamma_r},
    {"erf", 0, unary<f_erf>},
    {"erfc", 0, unary<f_erfc>},
    {"j0", 0, unary<f_j0>},
    {"j1", 0, unary<f_j1>},
    {"y0", 0, unary<f_y0>},
    {"y1", 0, unary<f_y1>},
    {"significand", 0, unary<significand_of>},
    {"frexp", 0, b_frexp},
    {"modf", 0, b_modf},
    {"pow", 2, binary<f_pow>},
    {"atan2", 2, binary<f_atan2>},
    {"copysign", 2, binary<f_copysign>},
    {"drem", 2, binary<remainder_of>},
    {"remainder", 2, binary<remainder_of>},
    {"fdim", 2, binary<f_fdim>},
    {"fmax", 2, binary<f_fmax>},
    {"fmin", 2, binary<f_fmin>},
    {"fmod", 2, binary<f_fmod>},
    {"hypot", 2, binary<f_hypot>},
    {"jn", 2, binary<bessel_n>},
    {"yn", 2, binary<bessel_second_n>},
    {"ldexp", 2, binary<load_exponent>},
    {"scalb", 2, binary<load_exponent>},
    {"scalbln", 2, binary<load_exponent>},
    {"nextafter", 2, binary<f_nextafter>},
    {"nexttoward", 2, binary<next_toward>},
    {"fma", 3, b_fma},
    {"infinite", 0, b_infinite},
    {"nan", 0, b_nan},
    {"isinfinite", 0, test<t_infinite>},
    {"isnan", 0, test<t_nan>},
    {"isnormal", 0, test<t_normal>},
});

}  // namespace

std::span<const Builtin> math_builtins() noexcept { return kBuiltins; }

}  // namespace riptide::transform::jq
