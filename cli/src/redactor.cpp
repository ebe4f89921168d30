#include "riptide/cli/redactor.hpp"

#include <algorithm>

#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

constexpr std::size_t kShortest = 6;

}  // namespace

Redactor::Redactor(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < kShortest) continue;
    forms_.push_back(secret);
    std::string quoted;
    json::append_quoted(secret, quoted);
    std::string inside = quoted.substr(1, quoted.size() - 2);
    if (inside != secret) forms_.push_back(std::move(inside));
    // What a server quotes in its own JSON is quoted once more where we quote the server.
    std::string twice;
    json::append_quoted(forms_.back(), twice);
    std::string inside_twice = twice.substr(1, twice.size() - 2);
    if (inside_twice != forms_.back()) forms_.push_back(std::move(inside_twice));
  }
  std::sort(forms_.begin(), forms_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Redactor::operator()(std::string text) const {
  for (const std::string& form : forms_) {
    for (std::size_t at = 0; (at = text.find(form, at)) != std::string::npos;) text.replace(at, form.size(), "***");
  }
  return text;
}

}  // namespace riptide::cli
