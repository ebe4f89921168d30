#include "by_hand.hpp"

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <string_view>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::transform {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

void put(element value, std::string& out) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING:
      json::append_quoted(std::string_view(value), out);
      return;
    case simdjson::dom::element_type::BOOL:
      out += bool(value) ? "true" : "false";
      return;
    case simdjson::dom::element_type::NULL_VALUE:
      out += "null";
      return;
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      out += std::to_string(std::int64_t(value));
      return;
    case simdjson::dom::element_type::DOUBLE:
      out += std::to_string(double(value));
      return;
    case simdjson::dom::element_type::ARRAY: {
      out += '[';
      bool first = true;
      for (const element part : simdjson::dom::array(value)) {
        if (!first) out += ',';
        first = false;
        put(part, out);
      }
      out += ']';
      return;
    }
    case simdjson::dom::element_type::OBJECT: {
      out += '{';
      bool first = true;
      for (const auto& [key, part] : object(value)) {
        if (!first) out += ',';
        first = false;
        json::append_quoted(key, out);
        out += ':';
        put(part, out);
      }
      out += '}';
      return;
    }
  }
}

/// A member that may be missing: then no element, which is written as null.
struct Maybe {
  element value;
  bool there = false;
  [[nodiscard]] Maybe member(std::string_view key) const {
    Maybe found;
    if (there && value.is_object()) found.there = object(value).at_key(key).get(found.value) == simdjson::SUCCESS;
    return found;
  }
  [[nodiscard]] std::string_view text() const {
    return there && value.is_string() ? std::string_view(value) : std::string_view();
  }
};

void put(std::string_view name, const Maybe& value, std::string& out) {
  out += name;
  if (value.there) {
    put(value.value, out);
  } else {
    out += "null";
  }
}

}  // namespace

bool by_hand_octopus(simdjson::dom::parser& parser, const BenchPage& page, std::string& out) {
  element root;
  simdjson::dom::array records;
  if (parser.parse(page.page->view().data(), page.page->size(), false).get(root) != simdjson::SUCCESS ||
      root["Items"].get(records) != simdjson::SUCCESS) {
    return false;
  }
  std::size_t number = 0;
  for (const object record : records) {
    Maybe id, name, roles, status, disabled, system, architecture, summary, endpoint, space;
    // One pass, as looking up one key after the other would go over them ten times.
    for (const auto& [key, value] : record) {
      Maybe* wanted = nullptr;
      switch (key.size()) {
        case 2:
          if (key == "Id") wanted = &id;
          break;
        case 4:
          if (key == "Name") wanted = &name;
          break;
        case 5:
          if (key == "Roles") wanted = &roles;
          break;
        case 7:
          if (key == "SpaceId") wanted = &space;
          break;
        case 8:
          if (key == "Endpoint") wanted = &endpoint;
          break;
        case 10:
          if (key == "IsDisabled") wanted = &disabled;
          break;
        case 12:
          if (key == "HealthStatus") wanted = &status;
          if (key == "Architecture") wanted = &architecture;
          break;
        case 13:
          if (key == "StatusSummary") wanted = &summary;
          break;
        case 15:
          if (key == "OperatingSystem") wanted = &system;
          break;
        default:
          break;
      }
      if (wanted != nullptr) *wanted = {value, true};
    }
    put("{\"identifier\":", id, out);
    out += ",\"blueprint\":\"octopusMachine\"";
    put(",\"title\":", name, out);
    put(",\"properties\":{\"roles\":", roles, out);
    put(",\"status\":", status, out);
    out += ",\"url\":";
    const pipeline::OverlayField& url = page.records.overlay_fields[page.records.spans[number++].overlay_begin];
    out.append(page.records.overlay_bytes, url.begin, url.length);
    put(",\"isDisabled\":", disabled, out);
    put(",\"operatingSystem\":", system, out);
    put(",\"architecture\":", architecture, out);
    put(",\"statusSummary\":", summary, out);
    put(",\"endpointType\":", endpoint.member("DeploymentTargetTypeId"), out);
    put(",\"communicationStyle\":", endpoint.member("CommunicationStyle"), out);
    put("},\"relations\":{\"space\":", space, out);
    out += "}}";
    benchmark::DoNotOptimize(pipeline::identity_digest("octopusMachine", id.text()));
  }
  return true;
}

bool by_hand_jira(simdjson::dom::parser& parser, const BenchPage& page, std::string& out) {
  element root;
  simdjson::dom::array records;
  if (parser.parse(page.page->view().data(), page.page->size(), false).get(root) != simdjson::SUCCESS ||
      root["issues"].get(records) != simdjson::SUCCESS) {
    return false;
  }
  for (const object record : records) {
    Maybe key_of, self, fields;
    for (const auto& [key, value] : record) {
      if (key == "key") key_of = {value, true};
      if (key == "self") self = {value, true};
      if (key == "fields") fields = {value, true};
    }
    if (!fields.there || !fields.value.is_object()) return false;
    Maybe summary, status, type, components, creator, priority, labels, created, updated, resolved, project, parent;
    Maybe subtasks, assignee, reporter;
    for (const auto& [key, value] : object(fields.value)) {
      Maybe* wanted = nullptr;
      switch (key.size()) {
        case 6:
          if (key == "status") wanted = &status;
          if (key == "labels") wanted = &labels;
          if (key == "parent") wanted = &parent;
          break;
        case 7:
          if (key == "summary") wanted = &summary;
          if (key == "creator") wanted = &creator;
          if (key == "created") wanted = &created;
          if (key == "updated") wanted = &updated;
          if (key == "project") wanted = &project;
          break;
        case 8:
          if (key == "priority") wanted = &priority;
          if (key == "subtasks") wanted = &subtasks;
          if (key == "assignee") wanted = &assignee;
          if (key == "reporter") wanted = &reporter;
          break;
        case 9:
          if (key == "issuetype") wanted = &type;
          break;
        case 10:
          if (key == "components") wanted = &components;
          break;
        case 14:
          if (key == "resolutiondate") wanted = &resolved;
          break;
        default:
          break;
      }
      if (wanted != nullptr) *wanted = {value, true};
    }
    put("{\"identifier\":", key_of, out);
    out += ",\"blueprint\":\"jiraIssue\"";
    put(",\"title\":", summary, out);
    out += ",\"properties\":{\"url\":";
    // The first three parts between slashes: scheme, nothing, host.
    const std::string_view address = self.text();
    std::size_t end = 0;
    for (int slash = 0; slash < 3 && end != std::string_view::npos; ++slash) end = address.find('/', end + (slash > 0));
    std::string url(address.substr(0, end));
    url += "/browse/";
    url += key_of.text();
    json::append_quoted(url, out);
    put(",\"status\":", status.member("name"), out);
    put(",\"issueType\":", type.member("name"), out);
    put(",\"components\":", components, out);
    put(",\"creator\":", creator.member("emailAddress"), out);
    put(",\"priority\":", priority.member("name"), out);
    put(",\"labels\":", labels, out);
    put(",\"created\":", created, out);
    put(",\"updated\":", updated, out);
    put(",\"resolutionDate\":", resolved, out);
    put("},\"relations\":{\"project\":", project.member("key"), out);
    put(",\"parentIssue\":", parent.member("key"), out);
    out += ",\"subtasks\":[";
    if (!subtasks.there || !subtasks.value.is_array()) return false;
    bool first = true;
    for (const element subtask : simdjson::dom::array(subtasks.value)) {
      put(first ? "" : ",", Maybe{subtask, true}.member("key"), out);
      first = false;
    }
    put("],\"assignee\":", assignee.member("accountId"), out);
    put(",\"reporter\":", reporter.member("accountId"), out);
    out += "}}";
    benchmark::DoNotOptimize(pipeline::identity_digest("jiraIssue", key_of.text()));
  }
  return true;
}

}  // namespace riptide::transform
