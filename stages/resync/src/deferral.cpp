#include "deferral.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace riptide::stages {
namespace {

constexpr std::size_t kGivenUpAtOnce = 1u << 20;

std::string path_of(const RunState& state) {
  if (state.state_file != nullptr) return state.state_file->path() + ".waiting";
  std::error_code none;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(none);
  return (folder / ("riptide-" + state.context.run_id + ".waiting")).string();
}

}  // namespace

/// The room as the writer thread sees it: something to write to.
class Deferral::Shelf final : public LocalSink {
 public:
  explicit Shelf(WaitingRoom& room) : room_(room) {}
  [[nodiscard]] std::string_view spec() const noexcept override { return "the file of what waits"; }
  [[nodiscard]] SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] Result<void> open() override { return {}; }
  [[nodiscard]] Result<std::vector<Outcome>> write(const Batch& batch) override {
    if (auto kept = room_.keep(batch); !kept) return pipeline::unexpected(std::move(kept).error());
    return std::vector<Outcome>(batch.entities.size());
  }
  [[nodiscard]] Result<void> finish(Finish) override { return {}; }

 private:
  WaitingRoom& room_;
};

Deferral::Deferral(RunState& state) : state_(state) {}
Deferral::~Deferral() = default;

Result<std::unique_ptr<Deferral>> Deferral::open(RunState& state) {
  std::unique_ptr<Deferral> deferral(new Deferral(state));
  auto room = WaitingRoom::open(path_of(state));
  if (!room) return pipeline::unexpected(std::move(room).error());
  deferral->room_ = std::move(*room);
  deferral->shelf_ = std::make_unique<Shelf>(*deferral->room_);
  deferral->writer_ = std::make_unique<LocalWriter>(*deferral->shelf_);
  return deferral;
}

void Deferral::keep(std::shared_ptr<const Batch> batch, LocalWriter::Done done) {
  writer_->write(std::move(batch), std::move(done));
}

Result<void> Deferral::drain(const std::function<void(std::shared_ptr<MappedBlock>)>& send,
                             const std::function<bool()>& go_on) {
  // All credit is at home: half of it keeps the uploads busy.
  const std::size_t bytes = std::max<std::size_t>(1, state_.batch_bytes.capacity() / 2);
  while (room_->size() > 0 && go_on()) {
    if (auto ordered = room_->order(); !ordered) return ordered;
    bool any = false;
    while (go_on()) {
      auto block = std::make_shared<MappedBlock>();
      block->in_order = true;
      if (auto taken = room_->take(bytes, block->entities); !taken) return taken;
      if (block->entities.entities.empty()) break;
      any = true;
      block->credit = state_.batch_bytes.take(block->entities.bytes.size());
      send(std::move(block));
      if (auto settled = room_->settled(); !settled) return settled;
    }
    if (!any && go_on()) {
      return pipeline::unexpected(ErrorKind::kInternal, "entities wait for their parents and none of them comes free");
    }
  }
  return {};
}

void Deferral::give_up_rest(const std::function<void(const Batch&)>& give_up) {
  // What the file does not tell any more is missed by the accounting, which is checked.
  if (room_->size() == 0 || !room_->order()) return;
  while (room_->size() > 0) {
    Batch rest;
    if (!room_->take(kGivenUpAtOnce, rest) || rest.entities.empty()) return;
    give_up(rest);
  }
}

}  // namespace riptide::stages
