#include "random_json.hpp"

#include <array>
#include <cstdlib>
#include <iostream>

namespace riptide::tests {

namespace {

std::size_t below(std::mt19937_64& random, std::size_t bound) {
  return static_cast<std::size_t>(random() % static_cast<std::uint64_t>(bound));
}

template <std::size_t kSize>
std::string_view one_of(std::mt19937_64& random, const std::array<std::string_view, kSize>& choices) {
  return choices[below(random, kSize)];
}

std::string_view space(std::mt19937_64& random) {
  static constexpr std::array<std::string_view, 8> kSpaces = {"", "", "", "", "", " ", "\n  ", "\t\r\n"};
  return one_of(random, kSpaces);
}

std::string_view string(std::mt19937_64& random) {
  static constexpr std::array<std::string_view, 17> kStrings = {
      R"("")",       R"("a")",      R"("name")",         R"("k\u0061y")", R"("\"")",
      R"("\\")",     R"("a\/b")",   R"("\ud83d\ude00")", R"("\ud800")",   R"("tab\tnew\nline")",
      R"("ü")",      R"("[{:,}]")", R"("Name")",         R"("Id")",       R"("2024-01-02T03:04:05Z")",
      R"("\u0000")", R"("日本語")"};
  return one_of(random, kStrings);
}

}  // namespace

std::string random_json(std::mt19937_64& random, int depth) {
  static constexpr std::array<std::string_view, 14> kScalars = {"null",
                                                                "true",
                                                                "false",
                                                                "0",
                                                                "-1",
                                                                "12",
                                                                "1.10",
                                                                "1e3",
                                                                "-0.5E-2",
                                                                "9007199254740993",
                                                                "123456789012345678901234567890",
                                                                "0.0",
                                                                "-0",
                                                                "1e1000"};
  std::string text(space(random));
  switch (depth <= 0 ? below(random, 2) : below(random, 5)) {
    case 0:
      text += one_of(random, kScalars);
      break;
    case 1:
      text += string(random);
      break;
    case 2: {
      text += '[';
      for (std::size_t count = below(random, 5), i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text += random_json(random, depth - 1);
      }
      text += space(random);
      text += ']';
      break;
    }
    default: {
      text += '{';
      for (std::size_t count = below(random, 6), i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text += space(random);
        text += string(random);
        text += space(random);
        text += ':';
        text += random_json(random, depth - 1);
      }
      text += space(random);
      text += '}';
      break;
    }
  }
  text += space(random);
  return text;
}

std::string mutated(std::mt19937_64& random, std::string text) {
  static constexpr std::string_view kNasty = "{}[]:,\"\\0-e.tfn x\x01\x0C\x1A\n\xC3\xFF\x80\xED";
  for (std::size_t times = 1 + below(random, 3); times > 0 && !text.empty(); --times) {
    const std::size_t at = below(random, text.size());
    switch (below(random, 4)) {
      case 0:
        text[at] = kNasty[below(random, kNasty.size())];
        break;
      case 1:
        text.erase(at, 1 + below(random, 3));
        break;
      case 2:
        text.insert(at, 1, kNasty[below(random, kNasty.size())]);
        break;
      default:
        text.insert(at, text.substr(below(random, text.size()), below(random, 8)));
        break;
    }
  }
  return text;
}

std::uint64_t test_seed(std::string_view test) {
  const char* const given = std::getenv("RIPTIDE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20240131;
  std::cout << test << ": RIPTIDE_SEED=" << seed << '\n';
  return seed;
}

int repetitions(int quick) {
  const char* const soak = std::getenv("RIPTIDE_SOAK");
  return soak != nullptr && std::atoi(soak) > 0 ? quick * std::atoi(soak) : quick;
}

}  // namespace riptide::tests
