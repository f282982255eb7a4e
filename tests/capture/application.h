// Application: does to one SQLite file, through a Writer, whatever applications, administrators and SIGKILL
// do to it, at random and reproducibly: the same seed gives the same statements. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model_table.h"
#include "writer.h"

namespace syncnode::capture {

class Application {
 public:
  // `directory` exists and is empty.
  Application(Writer& writer, std::string directory, uint64_t seed);

  // Some transactions, or one thing that is done to the whole file. Maybe one is left open.
  void batch();
  // Called after each statement, in the midst of whatever is going on.
  void on_statement(std::function<void()> call) { on_statement_ = std::move(call); }
  std::string path() const { return directory_ + "/webui.db"; }
  // What was done, in order, for the one who has to understand a failure.
  const std::vector<std::string>& history() const { return history_; }
  bool has_open_transaction() const { return before_transaction_.has_value(); }
  Random& random() { return random_; }

 private:
  static constexpr int kReader = 1;  // a connection that reads beside the one that writes

  struct Step {
    int weight;
    void (Application::*take)();
  };

  std::string run(std::string_view sql, int connection = 0);
  bool run_all(std::string_view sql) { return run(sql).empty(); }
  void open();
  void close();
  void begin();
  void end();
  void roll_back();
  void change_rows();
  void note(const std::string& what) { history_.push_back(what); }

  ModelTable* any_table();
  std::string some_rows(const ModelTable& table);
  int64_t longest();

  // Inside a transaction or without one.
  void insert();
  void update();
  void overwrite_in_place();
  void resize();
  void erase();
  void erase_all();
  void replace();
  void change_keys();
  void move_rowids();
  void add_column();
  void rename_column();
  void drop_column();
  void rebuild();
  void drop_and_create();
  void savepoints();

  // To the file.
  void vacuum();
  void vacuum_into();
  void incremental_vacuum();
  void flip_journal_mode();
  void checkpoint();
  void checkpoint_settings();
  void reopen();
  void be_killed();
  void begin_to_read();
  void end_reading();
  void keep_copy();
  void put_copy_back();

  Writer& writer_;
  const std::string directory_;
  Random random_;
  std::vector<ModelTable> tables_;
  std::optional<std::vector<ModelTable>> before_transaction_;
  std::optional<std::vector<ModelTable>> copy_;  // tables of the copy that was kept
  std::string file_settings_;
  std::string connection_settings_;
  bool is_open_ = false;
  bool is_reading_ = false;
  bool journal_in_memory_ = false;
  int64_t next_ = 1;  // number of the next row
  int names_ = 0;
  int page_size_ = 4096;
  std::function<void()> on_statement_;
  std::vector<std::string> history_;
};

}  // namespace syncnode::capture
