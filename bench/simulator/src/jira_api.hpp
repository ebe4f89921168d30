#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api.hpp"
#include "jira_world.hpp"

namespace riptide::simulator {

/// Jira's routes over a world.
class JiraApi final : public Api {
 public:
  explicit JiraApi(JiraWorld& world) : world_(world) {}

  /// Links in answers begin with this: "http://127.0.0.1:PORT".
  void set_base(std::string base) { base_ = std::move(base); }

  Answer answer(const HttpRequest& request, Encoding accepted, ByteBuffer& body) override;
  [[nodiscard]] std::string_view methods() const override { return "GET, POST"; }
  [[nodiscard]] bool knows(const HttpRequest& request) const override;
  /// Appends `{"errorMessages": ["..."]}`.
  void write_error(std::string_view message, ByteBuffer& body) const override;

 private:
  using Write = std::function<void(std::size_t index, ByteBuffer& body)>;
  struct Asked {
    std::string_view method;
    std::vector<std::string_view> path;
    std::string_view query;
    std::string_view body;
  };

  Answer platform(const Asked& asked, ByteBuffer& body);
  Answer agile(const Asked& asked, ByteBuffer& body);
  Answer backlog(const Asked& asked, std::size_t board, bool software, ByteBuffer& body);
  Answer teams(const Asked& asked, ByteBuffer& body);
  Answer server(const Asked& asked, ByteBuffer& body);
  Answer search(const Asked& asked, ByteBuffer& body);
  Answer sites(ByteBuffer& body) const;
  Answer refused(int status, std::string_view message, ByteBuffer& body) const;

  // A page by offset: as the platform API tells of it, or with `isLast` alone.
  enum class Envelope { kTotal, kLastFlag, kBare };
  Answer page(const Asked& asked, std::string_view key, std::size_t total, Envelope envelope, const Write& write,
              ByteBuffer& body) const;
  void write_version(std::size_t project, std::size_t index, ByteBuffer& body) const;
  void write_component(std::size_t project, std::size_t index, ByteBuffer& body) const;
  void write_worklog(std::uint32_t issue, std::size_t index, ByteBuffer& body) const;

  JiraWorld& world_;
  std::string base_ = "http://jira.test";
};

}  // namespace riptide::simulator
