#include "riptide/cli/journal_wiring.hpp"

#include <algorithm>
#include <ctime>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::cli {
namespace {

using sinks::SinkSpec;

// A text for a digest, in which no two different lists of parts are the same.
class Parts {
 public:
  void add(std::string_view part) { text_ += std::to_string(part.size()) + ":" + std::string(part); }
  [[nodiscard]] std::string digest() const {
    const pipeline::Digest digest = pipeline::digest_of(text_);
    return std::to_string(digest.high) + "-" + std::to_string(digest.low);
  }

 private:
  std::string text_;
};

// A new key sees what the old one saw, as far as anybody can tell: secrets do not count.
std::string source_digest(const Config& config) {
  Parts parts;
  parts.add(config.type());
  parts.add(config.identifier());
  if (const IntegrationType* const type = find_integration_type(config.type())) {
    for (const Setting& setting : type->settings) {
      if (setting.sensitive) continue;
      parts.add(setting.key);
      parts.add(config.text(setting.key));
    }
  }
  return parts.digest();
}

// What an entity becomes hangs on more than the mapping's text.
std::string mapping_digest(const Config& config, const MappingText& mapping) {
  Parts parts;
  parts.add(mapping.text);
  parts.add(mapping.lenient ? "lenient" : "strict");
  for (const char* const key :
       {"allow_environment_variables_jq_access", "riptide.jq_steps", "riptide.jq_memory", "riptide.jq_output"}) {
    parts.add(config.text(key));
  }
  return parts.digest();
}

}  // namespace

stages::JournalTerms journal_terms(const Config& config, const std::vector<SinkSpec>& specs) {
  stages::JournalTerms terms;
  terms.version = version();
  terms.source = source_digest(config);
  bool in_a_file = false;
  for (const SinkSpec& spec : specs) {
    terms.sinks += (terms.sinks.empty() ? "" : ", ") + spec.text;
    in_a_file |= spec.kind == SinkSpec::Kind::kSqlite;
  }
  if (in_a_file) {
    if (auto boot = read_file("/proc/sys/kernel/random/boot_id")) terms.boot = std::move(*boot);
  }
  return terms;
}

void enter_mapping(const Config& config, const MappingText& mapping, const std::vector<std::uint32_t>& resources,
                   stages::JournalTerms& terms) {
  terms.mapping = mapping_digest(config, mapping);
  for (const std::uint32_t resource : resources) terms.selection += std::to_string(resource) + " ";
}

const SinkSpec* written_anew(const std::vector<SinkSpec>& specs) {
  const auto found = std::find_if(specs.begin(), specs.end(), [](const SinkSpec& spec) {
    return spec.kind == SinkSpec::Kind::kNdjson || spec.kind == SinkSpec::Kind::kNull;
  });
  return found == specs.end() ? nullptr : &*found;
}

pipeline::Result<std::string> obstacle_to_resume(const state::StateFile& file, stages::JournalTerms terms,
                                                 Known known) {
  auto journal = stages::Journal::open(file);
  if (!journal) return pipeline::unexpected(std::move(journal).error());
  auto run = (*journal)->unfinished();
  if (!run) return pipeline::unexpected(std::move(run).error());
  if (!*run) return std::string();
  if (known == Known::kBeforeTheMapping) {
    terms.mapping = (*run)->terms.mapping;
    terms.selection = (*run)->terms.selection;
  }
  return stages::obstacle_to_resume(**run, terms, std::time(nullptr));
}

}  // namespace riptide::cli
