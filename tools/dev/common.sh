# Shared by the verbs of ./dev; sourced with the checkout as the working folder and `root` set.

venv=$root/.venv
python=$venv/bin/python
jobs=${DOHLE_JOBS:-$(nproc)}

say() { printf '%s\n' "dev: $*" >&2; }

fail() {
  say "$@"
  exit 2
}

# as_root COMMAND...: directly as root, else with sudo.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root: $*"
  fi
}

# listed FILE: the names in a package list, without comments.
listed() { sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$1"; }

# tool NAME: Debian's versioned name where it is there, else the plain one.
tool() { command -v "$1-14" || command -v "$1" || fail "$1 is missing (try: ./dev setup)"; }

# need VERB...: run other verbs first.
need() {
  local verb
  for verb in "$@"; do
    source "$root/tools/dev/$verb.sh"
    "dev_$verb"
  done
}

# sources PATTERN...: the files that git knows, tracked or about to be, so that build folders never count.
sources() {
  git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
    if [[ -f $file ]]; then echo "$file"; fi
  done
}
