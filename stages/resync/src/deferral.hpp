#pragma once

#include <functional>
#include <memory>

#include "messages.hpp"
#include "relate/waiting_room.hpp"
#include "run_state.hpp"
#include "upload/local_writer.hpp"

namespace riptide::stages {

/// Parents before children, at a sink that refuses an entity whose relations lead nowhere: holds back what relates to
/// an entity that was not confirmed yet, and what was refused and may pass later, and lets it go in the order of its
/// relations once all has been read. Each entity is sent twice at most.
class Deferral {
 public:
  /// Makes the file, beside the state file if there is one. Errors: those of `WaitingRoom::open`.
  [[nodiscard]] static Result<std::unique_ptr<Deferral>> open(RunState& state);
  ~Deferral();

  /// Whether an entity must not be sent now. One thread at a time.
  [[nodiscard]] bool holds_back(const EntityBuffer& buffer, const Entity& entity) {
    return room_->must_wait(buffer, entity);
  }
  /// Whether an entity that was refused is sent once more, later.
  [[nodiscard]] static bool tries_again(const Entity& entity, const Outcome& outcome) noexcept {
    return outcome.kind == Outcome::Kind::kRejected && outcome.may_pass_later && entity.sends == 0;
  }
  /// Notes that the target holds an entity. Any thread.
  void confirm(std::string_view identifier) { room_->confirm(identifier); }
  /// Writes a batch away on a thread of its own; `done` is called there. Any thread.
  void keep(std::shared_ptr<const Batch> batch, LocalWriter::Done done);

  /// Lets everything go, level by level: `send` sends a block and returns when all of it is settled. Ends when
  /// `go_on()` is false. Blocks on the disk: for the thread that runs the resync. Errors: those of `state::Database`.
  [[nodiscard]] Result<void> drain(const std::function<void(std::shared_ptr<MappedBlock>)>& send,
                                   const std::function<bool()>& go_on);
  /// Hands out what is still here, to be given up.
  void give_up_rest(const std::function<void(const Batch&)>& give_up);

 private:
  class Shelf;
  explicit Deferral(RunState& state);

  RunState& state_;
  std::unique_ptr<WaitingRoom> room_;
  std::unique_ptr<Shelf> shelf_;
  std::unique_ptr<LocalWriter> writer_;  // Dies first.
};

}  // namespace riptide::stages
