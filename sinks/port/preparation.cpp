#include "riptide/sinks/port_preparation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "answers.hpp"
#include "json_object.hpp"
#include "riptide/pipeline/page.hpp"

namespace riptide::sinks::port {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::HttpRequest;
using stages::HttpResponse;
using stages::Method;
using std::chrono::seconds;

constexpr auto kIntegration = Account::Role::kIntegration;
constexpr auto kExporter = Account::Role::kExporter;

/// What a mapping holds that maps nothing.
constexpr std::string_view kEmptyMapping =
    R"({"deleteDependentEntities":true,"createMissingRelatedEntities":true,"enableMergeEntity":true,)"
    R"("entityDeletionThreshold":0.9,"resources":[]})";

/// How often, and after what waits, Port is asked whether it has made the resources itself.
constexpr int kMostPolls = 30;
constexpr double kPollGrowth = 1.55;
constexpr seconds kFirstPoll{3};

enum class Origin { kEmpty, kDefault, kPort };

std::string_view name_of(Origin origin) noexcept {
  switch (origin) {
    case Origin::kEmpty:
      return "Empty";
    case Origin::kDefault:
      return "Default";
    case Origin::kPort:
      return "Port";
  }
  return "Default";
}

/// One default blueprint as the three steps send it.
struct Blueprint {
  std::string identifier;
  std::string bare;     ///< Without anything that refers to others.
  std::string related;  ///< With relations and owners.
  std::string whole;
};

/// The members of an object but those of `without`, as JSON.
Result<std::string> object_without(const json::Document& document, json::Value object,
                                   std::span<const std::string_view> without) {
  std::string out = "{";
  json::Document::Members members(document, object);
  while (members.next()) {
    if (std::any_of(without.begin(), without.end(), [&](std::string_view key) { return members.key_is(key); }))
      continue;
    auto raw = members.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    out += out.size() == 1 ? "\"" : ",\"";
    out.append(members.raw_key()).append("\":").append(*raw);
  }
  if (auto checked = members.status(); !checked) return unexpected(std::move(checked).error());
  return out + "}";
}

/// The elements of a list of ours. A default that is not JSON is a fault of the program that carries it.
Result<std::vector<std::string>> elements_of(std::string_view list) {
  std::vector<std::string> out;
  json::Document document;
  const pipeline::Page page = pipeline::make_page(list);
  auto root = document.index(page->view());
  if (!root) return unexpected(std::move(root).error());
  json::Document::Elements elements(document, *root);
  while (elements.next()) {
    auto raw = elements.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    out.emplace_back(*raw);
  }
  if (auto checked = elements.status(); !checked) return unexpected(std::move(checked).error());
  return out;
}

Result<std::vector<Blueprint>> blueprints_of(std::string_view list) {
  static constexpr std::array<std::string_view, 3> kComputed = {"calculationProperties", "mirrorProperties",
                                                                "aggregationProperties"};
  static constexpr std::array<std::string_view, 6> kReferring = {
      "calculationProperties", "mirrorProperties", "aggregationProperties",
      "teamInheritance",       "ownership",        "relations"};
  auto texts = elements_of(list);
  if (!texts) return unexpected(std::move(texts).error());
  std::vector<Blueprint> out;
  json::Document document;
  for (std::string& text : *texts) {
    const pipeline::Page page = pipeline::make_page(text);
    auto root = document.index(page->view());
    if (!root) return unexpected(std::move(root).error());
    auto identifier = document.find(*root, "identifier");
    if (!identifier || !*identifier) return unexpected(ErrorKind::kInternal, "a default blueprint has no identifier");
    auto bare = object_without(document, *root, kReferring);
    auto related = object_without(document, *root, kComputed);
    if (!bare || !related) return unexpected(ErrorKind::kInternal, "a default blueprint is not JSON");
    auto whole = object_without(document, *root, {});
    if (!whole) return unexpected(std::move(whole).error());
    out.push_back({text_of(document, **identifier), *std::move(bare), *std::move(related), *std::move(whole)});
  }
  return out;
}

/// What of an integration's description decides what happens next.
struct Integration {
  bool exists = false;
  std::string mapping;  ///< Empty if there is none.
  std::string origin;
  std::string installation_type;
  bool initialized = false;
  bool described = false;  ///< The six fields that say who runs it and how are as ours.
  std::string metrics_url;
  std::string logs_url;
};

/// One preparation, step by step.
class Preparation {
 public:
  Preparation(const PreparationOptions& options, stages::Exchange& port)
      : options_(options),
        account_(*options.account),
        port_(port),
        version_(ocean_version(account_.integration_type())) {}

  Result<Prepared> run() {
    if (options_.read_only) {
      if (auto read = read_integration(); !read) return unexpected(std::move(read).error());
    } else if (auto made = make_ready(); !made) {
      return unexpected(std::move(made).error());
    }
    if (!integration_.mapping.empty()) prepared_.mapping = integration_.mapping;
    prepared_.metrics_url = integration_.metrics_url;
    prepared_.logs_url = integration_.logs_url;
    return std::move(prepared_);
  }

 private:
  Result<void> make_ready() {
    if (auto learned = learn(); !learned) return learned;
    if (auto checked = check_runtime(); !checked) return checked;
    auto origin = choose_origin();
    if (!origin) return unexpected(std::move(origin).error());
    if (!integration_.exists) {
      if (auto created = create(*origin); !created) return created;
    }
    if (!integration_.described) {
      if (auto described = patch(description()); !described) return described;
    }
    if (!integration_.initialized) {
      if (auto initialized = initialize(*origin); !initialized) return initialized;
    }
    // Answers to a change need not hold everything.
    return changed_ ? read_integration() : Result<void>();
  }

  /// The three things that everything hangs on, asked at once.
  Result<void> learn() {
    std::vector<HttpRequest> requests;
    requests.push_back(account_.request(Method::kGet, "integration/provision-enabled", kIntegration));
    requests.push_back(account_.request(Method::kGet, "organization", kIntegration));
    requests.push_back(integration_request(account_));
    auto answers = port_.ask(std::move(requests));
    if (auto read = take_integration(answers[2]); !read) return read;
    auto provisioned = list_in(answers[0], {}, "integrations");
    auto flags = list_in(answers[1], "organization", "featureFlags");
    if (provisioned) {
      provisioned_ =
          std::find(provisioned->begin(), provisioned->end(), account_.integration_type()) != provisioned->end();
    } else {
      origin_unknown_ = provisioned.error();
    }
    if (!flags) {
      origin_unknown_ = flags.error();
      return {};
    }
    const auto has = [&](std::string_view flag) {
      return std::find(flags->begin(), flags->end(), flag) != flags->end();
    };
    port_defaults_ = has("USE_PROVISIONED_DEFAULTS");
    if (has("LAKEHOUSE_ELIGIBLE") && has("DATA_SOURCE_PROCESSOR_ENABLED")) {
      prepared_.notices.emplace_back(
          "this Port organisation has Port's own data source processor switched on: riptide maps and uploads by itself "
          "and declares processingMode ocean-core for this integration");
    }
    return {};
  }

  Result<void> check_runtime() {
    if (!integration_.exists) return {};
    const std::string theirs = integration_.installation_type.empty() ? "OnPrem" : integration_.installation_type;
    const bool fits = options_.runtime == "Saas" ? theirs.starts_with("Saas") : theirs == options_.runtime;
    if (fits) return {};
    return unexpected(ErrorKind::kConfig,
                      fmt::format("the integration {} is installed as {} in Port, and OCEAN__RUNTIME says {}: choose "
                                  "another OCEAN__INTEGRATION__IDENTIFIER, or the other runtime",
                                  account_.integration(), theirs, options_.runtime));
  }

  Result<Origin> choose_origin() {
    std::string wanted = integration_.origin.empty() ? options_.origin : integration_.origin;
    if (wanted == "Empty") return Origin::kEmpty;
    if (wanted == "Ocean") {
      prepared_.notices.emplace_back("createPortResourcesOrigin Ocean is read as Default");
      return Origin::kDefault;
    }
    if (wanted == "Default") return Origin::kDefault;
    if (!integration_.origin.empty()) return wanted == "Port" ? Origin::kPort : Origin::kDefault;
    if (origin_unknown_) {
      if (!integration_.exists) return unexpected(*origin_unknown_);
      prepared_.notices.push_back("Port did not say who makes the default resources: " + origin_unknown_->message);
      return Origin::kDefault;
    }
    return provisioned_ && port_defaults_ ? Origin::kPort : Origin::kDefault;
  }

  Result<void> create(Origin origin) {
    JsonObject body;
    body.text("installationId", account_.integration())
        .text("installationAppType", account_.integration_type())
        .text("version", version_)
        .raw("changelogDestination", "{}")
        .raw("config", origin == Origin::kDefault ? std::string_view(options_.defaults.mapping) : "{}")
        .flag("actionsProcessingEnabled", false)
        .flag("incrementalSyncEnabled", false)
        .text("createPortResourcesOrigin", name_of(origin));
    HttpRequest request = account_.request(
        Method::kPost, origin == Origin::kPort ? "integration?integration_modes=create_resources" : "integration",
        kIntegration, body.str());
    request.retryable = false;  // Whether a lost answer meant yes is seen on the next start.
    changed_ = true;
    auto created = take_change(port_.ask_one(std::move(request)), "the integration could not be created in Port");
    if (!created) return created;
    integration_.exists = true;
    return origin == Origin::kPort ? wait_for_port() : Result<void>();
  }

  /// Says who runs the integration, and how.
  [[nodiscard]] std::string description() const {
    return JsonObject()
        .text("installationAppType", account_.integration_type())
        .raw("changelogDestination", "{}")
        .flag("actionsProcessingEnabled", false)
        .flag("incrementalSyncEnabled", false)
        .text("processingMode", "ocean-core")
        .text("version", version_)
        .str();
  }

  Result<void> patch(std::string body) {
    changed_ = true;
    return take_change(port_.ask_one(account_.request(Method::kPatch, path(""), kIntegration, std::move(body))),
                       "the integration could not be brought up to date in Port");
  }

  Result<void> initialize(Origin origin) {
    switch (origin) {
      case Origin::kEmpty:
        return patch(JsonObject()
                         .raw("config", kEmptyMapping)
                         .flag("arePortResourcesInitialized", true)
                         .text("version", version_)
                         .str());
      case Origin::kPort:
        return wait_for_port();
      case Origin::kDefault:
        break;
    }
    if (!options_.initialize_resources) return {};
    if (integration_.mapping.empty()) {
      HttpRequest request = account_.request(Method::kPatch, path("/config"), kIntegration,
                                             JsonObject().raw("config", options_.defaults.mapping).str());
      if (options_.runtime == "Saas") request.headers.push_back({"x-skip-resync", "true"});
      changed_ = true;
      auto sent = take_change(port_.ask_one(std::move(request)), "the default mapping could not be stored in Port");
      if (!sent) return sent;
    }
    auto made = make_blueprints();
    // After a failure too: a second start does not try again what a person may have to sort out.
    auto marked = patch(JsonObject().flag("arePortResourcesInitialized", true).text("version", version_).str());
    return made ? marked : made;
  }

  Result<void> make_blueprints() {
    auto blueprints = blueprints_of(options_.defaults.blueprints);
    if (!blueprints) return unexpected(std::move(blueprints).error());
    std::vector<HttpRequest> questions;
    for (const Blueprint& one : *blueprints) {
      questions.push_back(account_.request(Method::kGet, blueprint_path(one), kIntegration));
    }
    if (!questions.empty()) {
      for (const auto& answer : port_.ask(std::move(questions))) {
        if (answer && answer->ok()) return {};  // A catalogue that somebody has begun is theirs to complete.
      }
    }
    std::vector<const Blueprint*> created;
    if (auto step = create_all(*blueprints, created); !step) return take_back(created, std::move(step).error());
    for (std::string Blueprint::*const part : {&Blueprint::related, &Blueprint::whole}) {
      std::vector<HttpRequest> requests;
      for (const Blueprint& one : *blueprints) {
        requests.push_back(account_.request(Method::kPatch, blueprint_path(one), kExporter, one.*part));
      }
      if (requests.empty()) break;
      const auto answers = port_.ask(std::move(requests));
      if (auto step = all_well(answers, *blueprints); !step) return take_back(created, std::move(step).error());
    }
    make_extras();
    return {};
  }

  Result<void> create_all(const std::vector<Blueprint>& blueprints, std::vector<const Blueprint*>& created) {
    std::vector<HttpRequest> requests;
    for (const Blueprint& one : blueprints) {
      requests.push_back(account_.request(Method::kPost, "blueprints", kExporter, one.bare));
      requests.back().retryable = false;
    }
    if (requests.empty()) return {};
    const auto answers = port_.ask(std::move(requests));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      // One without an answer may be there.
      if (!answers[i] || answers[i]->ok()) created.push_back(&blueprints[i]);
    }
    return all_well(answers, blueprints);
  }

  /// All failures of a step as one error, or nothing.
  Result<void> all_well(const std::vector<Result<HttpResponse>>& answers, const std::vector<Blueprint>& blueprints) {
    std::optional<Error> first;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (answers[i] && answers[i]->ok()) continue;
      Error error = answers[i] ? refusal(*answers[i], document_) : answers[i].error();
      error.message = fmt::format("{}: {}", blueprints[i].identifier,
                                  answers[i] ? complaint(*answers[i], document_) : error.message);
      if (first) {
        first->message += "; " + error.message;
      } else {
        first = std::move(error);
      }
    }
    if (!first) return {};
    return unexpected(std::move(*first).within("the default blueprints could not be created in Port"));
  }

  /// Removes what was created, and returns what went wrong.
  Result<void> take_back(const std::vector<const Blueprint*>& created, Error error) {
    std::vector<HttpRequest> requests;
    for (const Blueprint* one : created) {
      requests.push_back(account_.request(Method::kDelete, blueprint_path(*one), kExporter));
    }
    if (requests.empty()) return unexpected(std::move(error));
    std::string left;
    const auto answers = port_.ask(std::move(requests));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (answers[i] && (answers[i]->ok() || answers[i]->status == 404)) continue;
      left += (left.empty() ? "" : ", ") + created[i]->identifier;
    }
    error.message += left.empty() ? "; none of them was left behind" : "; left behind, remove by hand: " + left;
    return unexpected(std::move(error));
  }

  /// Actions, scorecards and pages: what fails is said, and no more.
  void make_extras() {
    std::vector<HttpRequest> requests;
    const auto add = [&](std::string_view list, std::string_view target) {
      auto elements = elements_of(list);
      if (!elements) return;
      for (std::string& one : *elements) {
        requests.push_back(account_.request(Method::kPost, target, kIntegration, std::move(one)));
        requests.back().retryable = false;
      }
    };
    add(options_.defaults.actions, "actions");
    if (auto groups = elements_of(options_.defaults.scorecards)) {
      for (const std::string& group : *groups) {
        const pipeline::Page page = pipeline::make_page(group);
        const auto root = document_.index(page->view());
        if (!root) continue;
        const auto blueprint = document_.find(*root, "blueprint");
        const auto data = document_.find(*root, "data");
        if (!blueprint || !*blueprint || !data || !*data) continue;
        const auto cards = document_.raw(**data);
        if (!cards) continue;
        const std::string of = text_of(document_, **blueprint);
        add(std::string(*cards), fmt::format("blueprints/{}/scorecards", stages::percent_encoded(of)));
      }
    }
    add(options_.defaults.pages, "pages");
    if (requests.empty()) return;
    for (const auto& answer : port_.ask(std::move(requests))) {
      if (answer && answer->ok()) continue;
      prepared_.notices.push_back("a default action, scorecard or page could not be created in Port: " +
                                  (answer ? complaint(*answer, document_) : answer.error().message));
    }
  }

  /// Waits until Port has made the mapping itself.
  Result<void> wait_for_port() {
    seconds wait{0};
    seconds next = kFirstPoll;
    for (int i = 0; i < kMostPolls; ++i) {
      if (auto read = take_integration(port_.ask_one(integration_request(account_), wait)); !read) return read;
      if (!integration_.mapping.empty()) return {};
      wait = next;
      next = seconds(static_cast<seconds::rep>(static_cast<double>(next.count()) * kPollGrowth));
    }
    return unexpected(ErrorKind::kRejected,
                      fmt::format("Port has not made the default resources of {} in time", account_.integration()));
  }

  Result<void> read_integration() { return take_integration(port_.ask_one(integration_request(account_))); }

  /// Reads an answer to `integration_request`: none is an answer, too.
  Result<void> take_integration(const Result<HttpResponse>& answer) {
    if (!answer) return unexpected(answer.error());
    auto mapping = read_integration_config(*answer, document_);
    if (!mapping) return unexpected(std::move(mapping).error());
    integration_ = {};
    if (answer->status == 404) return {};
    if (auto read = read_members(*answer); !read) return read;
    integration_.mapping = mapping->value_or("");
    return {};
  }

  /// Reads the answer to a change; keeps what is known where the answer has no integration.
  Result<void> take_change(const Result<HttpResponse>& answer, std::string_view context) {
    if (!answer) return unexpected(Error(answer.error()).within(context));
    if (!answer->ok()) {
      Error error = refusal(*answer, document_);
      if (error.kind == ErrorKind::kRejected) error.message = complaint(*answer, document_);
      return unexpected(std::move(error).within(context));
    }
    auto mapping = read_integration_config(*answer, document_);
    if (!mapping) return {};
    if (auto read = read_members(*answer); !read) return read;
    if (*mapping) integration_.mapping = **mapping;  // A mapping that an answer leaves out is not gone.
    return {};
  }

  Result<void> read_members(const HttpResponse& response) {
    auto root = indexed(response, document_);
    if (!root) return unexpected(std::move(root).error());
    auto object = document_.find(*root, "integration");
    if (!object || !*object || (*object)->type != json::Type::kObject) return {};
    integration_.exists = true;
    integration_.origin = text_in(**object, "createPortResourcesOrigin");
    integration_.installation_type = text_in(**object, "installationType");
    integration_.initialized = text_in(**object, "arePortResourcesInitialized") == "true";
    integration_.metrics_url = url_in(**object, "metricAttributes");
    integration_.logs_url = url_in(**object, "logAttributes");
    auto changelog = document_.find(**object, "changelogDestination");
    bool no_changelog = changelog && *changelog && (*changelog)->type == json::Type::kObject;
    if (no_changelog) no_changelog = !json::Document::Members(document_, **changelog).next();
    integration_.described = no_changelog && text_in(**object, "version") == version_ &&
                             text_in(**object, "installationAppType") == account_.integration_type() &&
                             text_in(**object, "actionsProcessingEnabled") == "false" &&
                             text_in(**object, "incrementalSyncEnabled") == "false" &&
                             text_in(**object, "processingMode") == "ocean-core";
    return {};
  }

  /// Text of a member; empty if it is absent or null.
  std::string text_in(json::Value object, std::string_view key) {
    auto found = document_.find(object, key);
    if (!found || !*found || (*found)->type == json::Type::kNull) return {};
    return text_of(document_, **found);
  }

  std::string url_in(json::Value object, std::string_view key) {
    auto found = document_.find(object, key);
    if (!found || !*found || (*found)->type != json::Type::kObject) return {};
    std::string url = text_in(**found, "ingestUrl");
    while (url.ends_with('/')) url.pop_back();
    return url.starts_with("http://") || url.starts_with("https://") ? url : std::string();
  }

  /// The texts of a list in an answer, within `parent` if that has a name.
  Result<std::vector<std::string>> list_in(const Result<HttpResponse>& answer, std::string_view parent,
                                           std::string_view key) {
    if (!answer) return unexpected(answer.error());
    if (!answer->ok()) return unexpected(refusal(*answer, document_));
    auto object = indexed(*answer, document_);
    if (!object) return unexpected(std::move(object).error());
    std::vector<std::string> out;
    json::Value at = *object;
    if (!parent.empty()) {
      auto found = document_.find(at, parent);
      if (!found || !*found) return out;
      at = **found;
    }
    if (at.type != json::Type::kObject) return out;
    auto list = document_.find(at, key);
    if (!list || !*list || (*list)->type != json::Type::kArray) return out;
    json::Document::Elements elements(document_, **list);
    while (elements.next()) out.push_back(text_of(document_, elements.value()));
    return out;
  }

  [[nodiscard]] std::string path(std::string_view behind) const {
    return fmt::format("integration/{}{}", stages::percent_encoded(account_.integration()), behind);
  }
  static std::string blueprint_path(const Blueprint& blueprint) {
    return "blueprints/" + stages::percent_encoded(blueprint.identifier);
  }

  const PreparationOptions& options_;
  const Account& account_;
  stages::Exchange& port_;
  const std::string version_;
  json::Document document_;
  Integration integration_;
  Prepared prepared_;
  bool provisioned_ = false;
  bool port_defaults_ = false;
  std::optional<Error> origin_unknown_;
  bool changed_ = false;
};

}  // namespace

Result<Prepared> prepare(const PreparationOptions& options, stages::Exchange& port) {
  return Preparation(options, port).run();
}

}  // namespace riptide::sinks::port
