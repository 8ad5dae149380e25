// Every request and response, filled: each field differs from its default, so that one that is not carried shows.
#pragma once

#include <string>
#include <vector>

#include "schema/messages.hpp"

namespace dohle::testing {

inline std::vector<request> sample_requests(const bytes& batch) {
  return {
      hello_request{"a client", 1, 3, {"groups", "idempotence"}},
      metadata_request{{"clicks", "orders"}, true},
      create_topic_request{"clicks", 6, 3, {{"retention.ms", "1000", true}, {"cleanup.policy", "delete"}}, true},
      describe_topic_request{"clicks"},
      alter_topic_request{"clicks", {{"retention.ms", "5"}}, {"segment.bytes", "cleanup.policy"}, 12},
      delete_topic_request{"clicks"},
      init_producer_request{},
      produce_request{"clicks", partition_index{3}, ack_level::leader, batch},
      produce_request{"clicks", partition_index{-1}, ack_level::none, bytes{}},
      fetch_request{"clicks", partition_index{2}, offset{1'234'567'890'123}, 7, 8, milliseconds{9}, true},
      list_offsets_request{"clicks", partition_index{1}, offset_query::at_time, timestamp{1'700'000'000'000}},
      join_group_request{"readers",
                         "m-1",
                         "instance",
                         "client",
                         "connect",
                         {{"range", bytes::copy("meta")}, {"sticky", batch}},
                         milliseconds{1'000},
                         milliseconds{2'000}},
      sync_group_request{"readers", generation{4}, "m-1", "instance", {{"m-1", bytes::copy("a")}, {"m-2", bytes{}}}},
      heartbeat_request{"readers", generation{5}, "m-1", "instance"},
      leave_group_request{"readers", "m-1", "instance"},
      commit_offsets_request{
          "readers",
          generation{6},
          "m-1",
          "instance",
          {{"clicks", partition_index{1}, offset{17}, "note"}, {"orders", partition_index{2}, {}, ""}}},
      fetch_offsets_request{"readers", {{"clicks", partition_index{1}}, {"orders", partition_index{2}}}},
      describe_group_request{"readers"},
      list_groups_request{},
      delete_group_request{"readers"},
      delete_records_request{"clicks", partition_index{4}, offset{1'234'567'890'123}},
  };
}

inline std::vector<response> sample_responses(const bytes& batch) {
  const partition_info info{partition_index{1}, partition_id{77}, broker_id{2}, epoch{9}, {broker_id{2}, broker_id{3}}};
  return {
      error{errc::offset_out_of_range, "offset 17 is past the end 12", "start at 12"},
      hello_response{1, {"groups"}, broker_id{4}, "5f0c", "dohle 0.1.0", 17'000'000},
      metadata_response{"5f0c",
                        broker_id{1},
                        {{broker_id{1}, "127.0.0.1", 9'000}, {broker_id{2}, "", 0}},
                        {{"clicks", true, {info}}, {}}},
      topic_description{"clicks",
                        true,
                        timestamp{12},
                        {{info, offset{3}, offset{4}, 5, timestamp{6}}, {}},
                        {{"retention.ms", "1000", true}}},
      delete_topic_response{},
      init_producer_response{producer_id{4'711}, 3},
      produce_response{offset{100}, timestamp{101}, ack_level::leader, true},
      fetch_response{offset{200}, offset{10}, {batch, bytes::copy("tiny"), batch}},
      fetch_response{},
      list_offsets_response{offset{55}, timestamp{66}},
      list_offsets_response{std::nullopt, no_timestamp},
      join_group_response{generation{8}, "range", "m-1", "m-2", {{"m-1", "i", bytes::copy("x")}, {"m-2", "", batch}}},
      sync_group_response{batch},
      heartbeat_response{},
      leave_group_response{},
      commit_offsets_response{},
      fetch_offsets_response{{{"clicks", partition_index{1}, offset{17}, "note"}}},
      describe_group_response{"readers",
                              "Stable",
                              "consumer",
                              "range",
                              generation{3},
                              {{"m-1", "i", "client", bytes::copy("meta"), bytes::copy("assignment")}}},
      list_groups_response{{{"readers", "Empty", "consumer"}, {"others", "Stable", ""}}},
      delete_group_response{},
      delete_records_response{offset{9'876'543'210}},
  };
}

}  // namespace dohle::testing
