#include "made_up_octopus.hpp"

#include <stdexcept>

#include "json_value.hpp"

namespace riptide::e2e {
namespace {

constexpr const char* kKinds[] = {"project", "release", "deployment", "machine"};

struct Field {
  const char* name;
  std::vector<const char*> path;  // empty: the record's page in the user interface
};

struct Shape {
  std::vector<Field> properties;
  std::vector<Field> relations;
};

const Shape& shape_of(std::string_view kind) {
  static const Shape kSpace{{{"url", {}}, {"description", {"Description"}}}, {}};
  static const Shape kProject{{{"url", {}},
                               {"description", {"Description"}},
                               {"isDisabled", {"IsDisabled"}},
                               {"tenantedDeploymentMode", {"TenantedDeploymentMode"}}},
                              {{"space", {"SpaceId"}}}};
  static const Shape kRelease{{{"version", {"Version"}},
                               {"assembledDate", {"Assembled"}},
                               {"channelId", {"ChannelId"}},
                               {"releaseNotes", {"ReleaseNotes"}},
                               {"url", {}}},
                              {{"project", {"ProjectId"}}}};
  static const Shape kDeployment{{{"createdAt", {"Created"}},
                                  {"deployedBy", {"DeployedBy"}},
                                  {"taskId", {"TaskId"}},
                                  {"failureEncountered", {"FailureEncountered"}},
                                  {"comments", {"Comments"}},
                                  {"url", {}}},
                                 {{"release", {"ReleaseId"}}, {"project", {"ProjectId"}}}};
  static const Shape kMachine{{{"roles", {"Roles"}},
                               {"status", {"HealthStatus"}},
                               {"url", {}},
                               {"isDisabled", {"IsDisabled"}},
                               {"operatingSystem", {"OperatingSystem"}},
                               {"architecture", {"Architecture"}},
                               {"statusSummary", {"StatusSummary"}},
                               {"endpointType", {"Endpoint", "DeploymentTargetTypeId"}},
                               {"communicationStyle", {"Endpoint", "CommunicationStyle"}}},
                              {{"space", {"SpaceId"}}}};
  if (kind == "space") return kSpace;
  if (kind == "project") return kProject;
  if (kind == "release") return kRelease;
  if (kind == "deployment") return kDeployment;
  return kMachine;
}

std::string at(const Json& record, const std::vector<const char*>& path) {
  std::optional<Json> value = record;
  for (const char* const key : path) {
    value = value->is_object() ? value->find(key) : std::nullopt;
    if (!value) return "null";
  }
  return value->dump();
}

// The record's page in Octopus.
std::string page_of(const simulator::OctopusServer& server, std::string_view space, std::string_view kind,
                    std::string_view id) {
  std::string page = server.url() + "/app#/" + std::string(space);
  if (kind == "machine") return "\"" + page + "/infrastructure/machines/" + std::string(id) + "/settings\"";
  if (kind != "space") page += "/" + std::string(kind) + "s/" + std::string(id);
  return "\"" + page + "\"";
}

std::string block(const std::string& page, const Json& record, const std::vector<Field>& fields) {
  std::string out = "{";
  for (const Field& field : fields) {
    if (out.size() > 1) out += ',';
    out += "\"" + std::string(field.name) + "\":" + (field.path.empty() ? page : at(record, field.path));
  }
  return out + "}";
}

}  // namespace

std::unique_ptr<simulator::OctopusServer> serve(simulator::OctopusOptions options) {
  auto started = simulator::OctopusServer::start(std::move(options));
  if (auto* const wrong = std::get_if<std::string>(&started)) throw std::runtime_error(*wrong);
  return std::move(std::get<std::unique_ptr<simulator::OctopusServer>>(started));
}

std::vector<simulator::KindOptions> only(const std::string& kind, std::vector<std::size_t> records) {
  std::vector<simulator::KindOptions> kinds;
  for (const char* const name : kKinds) {
    kinds.push_back({.name = name, .records_per_space = kind == name ? records : std::vector<std::size_t>{0}});
  }
  return kinds;
}

std::string blueprint_of(std::string_view kind) {
  std::string name = "octopus" + std::string(kind);
  name[7] = static_cast<char>(name[7] - 'a' + 'A');
  return name;
}

std::set<Identity> listed(const simulator::OctopusServer& server) {
  std::set<Identity> all;
  for (const std::string& space : server.spaces()) {
    all.emplace(blueprint_of("space"), space);
    for (const char* const kind : kKinds) {
      for (const std::string& id : server.ids(space, kind)) all.emplace(blueprint_of(kind), id);
    }
  }
  return all;
}

std::string expected_entity(const simulator::OctopusServer& server, std::string_view space, std::string_view kind,
                            std::string_view id) {
  const auto text = server.record(space, kind, id);
  if (!text) throw std::runtime_error("no record " + std::string(id));
  const Json record = Json::parse(*text);
  const Shape& shape = shape_of(kind);
  const std::string page = page_of(server, space, kind, id);
  std::string title = at(record, {"Name"});
  if (kind == "release") title = "\"" + record["ProjectId"].text() + "(" + record["Version"].text() + ")\"";
  std::string out = "{\"identifier\":\"" + std::string(id) + "\",\"title\":" + title + ",\"blueprint\":\"" +
                    blueprint_of(kind) + "\",\"properties\":" + block(page, record, shape.properties);
  if (!shape.relations.empty()) out += ",\"relations\":" + block(page, record, shape.relations);
  return Json::parse(out + "}").canonical();
}

}  // namespace riptide::e2e
