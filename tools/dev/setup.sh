# ./dev setup: what is missing and nothing else. Debian packages are asked of dpkg each time (it is quick and true);
# the Python ones are stamped with a hash of their lists.

dev_setup() {
  local turn
  exec {turn}<"$root"
  flock "$turn"  # two verbs at once would make .venv twice
  setup_debian
  setup_python
  exec {turn}<&-
}

setup_debian() {
  local wanted missing
  mapfile -t wanted < <(listed cmake/debian-packages.txt)
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here: install what cmake/debian-packages.txt names by hand"
    return
  fi
  mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort) <(installed "${wanted[@]}" | sort -u))
  if ((${#missing[@]} == 0)); then return; fi
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" \
    </dev/null >&2
}

# installed PACKAGE...: those of them that are.
installed() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true
}

setup_python() {
  local base=/usr/bin/python3 stamp=$venv/dohle.stamp state
  [[ -x $base ]] || base=$(command -v python3) || fail "python3 is missing"
  state=$({ "$base" --version && echo "$venv" && cat cmake/python-*.txt; } | sha256sum)
  if [[ -f $stamp && $(<"$stamp") == "$state" ]]; then return; fi
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed, $base is older"
  say "installing Python packages into .venv"
  [[ -x $python && "$("$python" --version)" == "$("$base" --version)" ]] || "$base" -m venv --clear "$venv"
  local pip=("$python" -m pip --quiet --disable-pip-version-check --no-input install)
  "${pip[@]}" -r cmake/python-requirements.txt >&2
  "${pip[@]}" --use-pep517 --no-deps -r cmake/python-data.txt >&2
  # `import dohle` finds the sources, where the build puts the compiled module too.
  echo "$root/python" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dohle-dev.pth"
  echo "$state" >"$stamp"
}
