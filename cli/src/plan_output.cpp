#include "riptide/cli/plan_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "riptide/cli/port_wiring.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/sinks/new_target_plan.hpp"
#include "riptide/sinks/sqlite_plan.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using sinks::SinkSpec;

std::string system_text(int number) { return std::generic_category().message(number); }

}  // namespace

Result<std::unique_ptr<stages::Sink>> make_planning_sink(const SinkSpec& spec, const Config& config,
                                                         const stages::SinkContext& context, bool remembers) {
  switch (spec.kind) {
    case SinkSpec::Kind::kPort:
      return make_port_plan(config, context, remembers);
    case SinkSpec::Kind::kSqlite:
      return std::unique_ptr<stages::Sink>(std::make_unique<sinks::SqlitePlan>(spec.path, context));
    case SinkSpec::Kind::kNdjson:
    case SinkSpec::Kind::kNull:
      break;
  }
  return std::unique_ptr<stages::Sink>(std::make_unique<sinks::NewTargetPlan>(spec.text));
}

stages::PlanSubject plan_subject(const SyncFlags& flags, const SinkSpec& spec, const Config& config,
                                 const MappingText& mapping, const stages::ResyncOptions& options) {
  stages::PlanSubject subject;
  subject.integration = config.identifier();
  subject.integration_type = config.type();
  subject.target = target_of(spec, config);
  const pipeline::Digest digest = pipeline::digest_of(mapping.text + (mapping.lenient ? " lenient" : ""));
  subject.mapping = fmt::format("{:016x}{:016x}", digest.high, digest.low);
  subject.kinds = flags.kinds;
  subject.deletes = options.delete_stale;
  subject.delete_scope = flags.delete_scope;
  subject.max_delete = flags.max_delete;
  return subject;
}

Result<void> write_plan_file(const std::string& path, const stages::PlanSubject& subject,
                             const pipeline::RunReport& report, const stages::Plan& plan, const Terminal& terminal) {
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  std::FILE* const file = std::fopen(temporary.c_str(), "we");
  if (file == nullptr) return pipeline::unexpected(ErrorKind::kConfig, "it cannot be created: " + system_text(errno));
  const auto failed = [&](std::string_view what) {
    const int number = errno;
    ::unlink(temporary.c_str());
    return pipeline::unexpected(ErrorKind::kTransport, fmt::format("{}: {}", what, system_text(number)));
  };
  auto written = stages::write_plan(subject, report, plan, [&](std::string_view piece) -> Result<void> {
    const std::string text = terminal.redacted(std::string(piece));
    if (std::fwrite(text.data(), 1, text.size(), file) == text.size()) return {};
    return pipeline::unexpected(ErrorKind::kTransport, "it cannot be written: " + system_text(errno));
  });
  if (!written) {
    std::fclose(file);
    ::unlink(temporary.c_str());
    return written;
  }
  if (std::fclose(file) != 0) return failed("it cannot be written");
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return failed("it cannot be replaced");
  return {};
}

Result<void> show_plan(const stages::PlanSubject& subject, const pipeline::RunReport& report, const stages::Plan& plan,
                       const Terminal& terminal) {
  const auto put = [&](std::string_view piece) -> Result<void> {
    const std::string text = terminal.redacted(std::string(piece));
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
    return pipeline::unexpected(ErrorKind::kTransport, "stdout cannot be written: " + system_text(errno));
  };
  Result<void> shown;
  if (const Terminal out(STDOUT_FILENO); out.is_tty()) {
    auto table = plan_table(report, plan, out.colours(), out.width());
    shown = table ? put(*table) : Result<void>(pipeline::unexpected(std::move(table).error()));
  } else {
    shown = stages::write_plan(subject, report, plan, put);
  }
  if (shown && std::fflush(stdout) != 0) {
    return pipeline::unexpected(ErrorKind::kTransport, "stdout cannot be written: " + system_text(errno));
  }
  return shown;
}

}  // namespace riptide::cli
