#include "tools/exit_code.hpp"

namespace dohle::tools {

exit_code exit_code_of(errc code) {
  switch (code) {
    case errc::ok: return exit_done;
    case errc::invalid_request:
    case errc::invalid_record:
    case errc::invalid_topic:
    case errc::invalid_config:
    case errc::invalid_session_timeout: return exit_usage;
    case errc::unknown_topic:
    case errc::unknown_partition:
    case errc::unknown_group:
    case errc::unknown_member:
    case errc::offset_out_of_range:
    case errc::wrong_folder: return exit_not_found;
    case errc::topic_exists:
    case errc::group_not_empty:
    case errc::fenced_instance:
    case errc::producer_fenced:
    case errc::stale_generation:
    case errc::inconsistent_protocol:
    case errc::folder_locked:
    case errc::unsupported_version:
    case errc::newer_format: return exit_conflict;
    case errc::not_authorized: return exit_not_permitted;
    case errc::connection_failed:
    case errc::closed:
    case errc::timeout:
    case errc::unknown_outcome:
    case errc::busy:
    case errc::buffer_full:
    case errc::not_leader:
    case errc::stale_epoch:
    case errc::rebalancing:
    case errc::loading: return exit_unreachable;
    default: return exit_failed;
  }
}

std::string_view default_hint(errc code) {
  switch (code) {
    case errc::invalid_request: return "dohle COMMAND --help shows what a command takes";
    case errc::invalid_topic: return "letters, digits, '.', '_' and '-', at most 249 of them";
    case errc::invalid_config:
      return "dohle topic describe TOPIC lists a topic's settings, dohle config default the broker's";
    case errc::unknown_topic: return "dohle topic list, or dohle topic create TOPIC";
    case errc::unknown_partition: return "dohle topic describe TOPIC shows the partitions";
    case errc::topic_exists: return "another name, or --if-not-exists";
    case errc::unknown_group: return "dohle group list";
    case errc::group_not_empty: return "stop the group's consumers first: dohle group describe GROUP lists them";
    case errc::offset_out_of_range: return "--from start, or dohle topic describe TOPIC for the offsets there are";
    case errc::record_too_large: return "smaller records, or dohle topic alter TOPIC --set max.message.bytes=N";
    case errc::folder_locked: return "use the broker that runs there with --broker, or stop it first";
    case errc::wrong_folder: return "a broker's folder, or a new one, with --data";
    case errc::newer_format: return "a newer dohle: the folder was written by one";
    case errc::unsupported_version: return "the same version of dohle on both sides (dohle version)";
    case errc::storage_full: return "make room on the disk: the broker goes on by itself";
    case errc::storage_failed: return "look at the disk (dmesg), then dohle log verify FOLDER";
    case errc::corrupt_data: return "dohle log verify FOLDER lists every damaged place";
    case errc::connection_failed:
      return "dohle serve --data FOLDER starts a broker; --broker dohle://HOST:PORT names another";
    case errc::not_authorized: return "ask the operator of the broker for the right";
    case errc::unknown_outcome: return "it may have been done: read back before sending it again";
    case errc::internal: return "this is a defect of dohle: please report it with the command you ran";
    default: return is_retriable(code) ? "the same command again in a moment" : "dohle COMMAND --help";
  }
}

}  // namespace dohle::tools
