# ./dev build: of the release preset, in build/, what people use; tests and benchmarks are built by their verbs.

dev_build() {
  need setup
  configure release
  compile build dohle _core
}

# configure PRESET: once; ninja itself notices later changes of the CMake files. A cache of another checkout is dropped.
configure() {
  local preset=$1 folder=build
  [[ $preset == release ]] || folder=build/$preset
  if [[ -f $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
  fi
  local stamp=$folder/preset.stamp state
  state=$(sha256sum CMakePresets.json cmake/debian-packages.txt)
  if [[ -f $folder/build.ninja && -f $stamp && $(<"$stamp") == "$state" ]]; then return; fi
  run_logged "$folder/configure.log" cmake --preset "$preset"
  echo "$state" >"$stamp"
}

# compile FOLDER [TARGET...]: one at a time in a folder, for ninja does not look after that.
compile() {
  local folder=$1
  shift
  flock "$folder" cmake --build "$folder" --parallel "$jobs" ${@:+--target "$@"} >&2
}

# run_logged FILE COMMAND...: quiet when it succeeds, its output when it fails.
run_logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    fail "failed: $*"
  fi
}
