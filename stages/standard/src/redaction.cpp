#include "riptide/stages/redaction.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <utility>

#include "riptide/json/document.hpp"
#include "riptide/stages/jq_program.hpp"

namespace riptide::stages {
namespace {

using pipeline::ErrorKind;

/// One program does it.
class ByProgram : public Redaction {
 public:
  explicit ByProgram(std::shared_ptr<const JqProgram> program) : program_(std::move(program)) {}

  [[nodiscard]] Result<std::string> apply(std::string_view json) const override {
    auto out = program_->first(json);
    if (!out) return pipeline::unexpected(std::move(out).error());
    if (!*out) return pipeline::unexpected(ErrorKind::kInternal, "the redaction had no output");
    return std::move(**out);
  }

 private:
  std::shared_ptr<const JqProgram> program_;
};

/// jq has no digests: one program lists what is to be hidden, another puts the digests there.
class ByDigest : public Redaction {
 public:
  ByDigest(std::shared_ptr<const JqProgram> list, std::shared_ptr<const JqProgram> put, std::string salt)
      : list_(std::move(list)), put_(std::move(put)), salt_(std::move(salt)) {}

  [[nodiscard]] Result<std::string> apply(std::string_view json) const override {
    std::string input = "[" + std::string(json) + ",[";
    bool any = false;
    auto listed = list_->each(json, [&](std::string_view value) {
      if (any) input += ',';
      any = true;
      const std::string salted = salt_ + std::string(value);
      const XXH128_hash_t digest = XXH3_128bits(salted.data(), salted.size());
      input += fmt::format("\"{:016x}{:016x}\"", digest.high64, digest.low64);
    });
    if (!listed) return pipeline::unexpected(std::move(listed).error());
    if (!any) return std::string(json);
    input += "]]";
    auto out = put_->first(input);
    if (!out) return pipeline::unexpected(std::move(out).error());
    if (!*out) return pipeline::unexpected(ErrorKind::kInternal, "the redaction had no output");
    return std::move(**out);
  }

 private:
  std::shared_ptr<const JqProgram> list_;
  std::shared_ptr<const JqProgram> put_;
  std::string salt_;
};

}  // namespace

Result<std::shared_ptr<const Redaction>> Redaction::create(const Options& options) {
  std::string paths;
  for (const std::string& field : options.fields) {
    if (auto path = JqProgram::compile(fmt::format("[path({})]", field)); !path) {
      return pipeline::unexpected(std::move(path).error().within(fmt::format("the field {}", field)));
    }
    paths += (paths.empty() ? "(" : ", (") + field + ")";
  }
  if (paths.empty()) return pipeline::unexpected(ErrorKind::kConfig, "no field is to be hidden");
  // What is not there has a path all the same.
  const std::string there =
      fmt::format(". as $all | [path({})] | unique | map(. as $p | select($all | getpath($p) != null))", paths);
  const auto compiled = [](const std::string& text) { return JqProgram::compile(text); };
  if (options.mode == Mode::kHash) {
    auto list = compiled(there + " as $paths | $paths[] as $p | $all | getpath($p)");
    if (!list) return pipeline::unexpected(std::move(list).error());
    auto put =
        compiled(fmt::format(".[1] as $digests | .[0] | ({}) as $paths | reduce range($paths | length) as $i (.; "
                             "setpath($paths[$i]; $digests[$i]))",
                             there));
    if (!put) return pipeline::unexpected(std::move(put).error());
    return std::shared_ptr<const Redaction>(
        std::make_shared<ByDigest>(*std::move(list), *std::move(put), options.salt));
  }
  auto program = compiled(options.mode == Mode::kRemove ? fmt::format("delpaths({})", there)
                                                        : fmt::format("reduce ({})[] as $p (.; setpath($p; {}))", there,
                                                                      json::quoted(options.with)));
  if (!program) return pipeline::unexpected(std::move(program).error());
  return std::shared_ptr<const Redaction>(std::make_shared<ByProgram>(*std::move(program)));
}

}  // namespace riptide::stages
