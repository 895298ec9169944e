# Short names for what the scripts and CMake presets do.
.PHONY: help all run test bench format tidy coverage docs screenshots dist install clean
PREFIX ?= /usr/local

all: ## build (build/release)
	@tools/setup build
	@tools/build release
run: ## build and serve
	@./run
test: ## every test
	@./test
bench: ## measure beside nginx and Flask
	@tools/setup build bench
	@bench/run
format: ## lay out the sources
	@tools/check-format --write
tidy: ## static analysis
	@tools/setup build test dev
	@tools/build debug
	@git ls-files 'src/*.c' | xargs -P "$$(nproc)" -n 4 clang-tidy --quiet -p build/debug
coverage: ## which lines the unit tests reach
	@tools/setup build test dev
	@tools/build coverage
	@cd build/coverage && for t in unit/*; do ./$$t >/dev/null 2>&1 || echo "failed: $$t"; done
	@gcovr --root . --filter src/ --object-directory build/coverage
docs: all ## make the reference pages anew
	@tools/check-docs --write
screenshots: all ## make the pictures of docs/images anew
	@tools/setup build test
	@tools/build release
	@FAIRLEAD_SCREENSHOTS=1 tests/run browser_looks
dist: ## a release tarball, with the dashboard built: build/fairlead-VERSION.tar.gz
	@tools/setup build
	@tools/dist
install: all ## to PREFIX (/usr/local)
	@cmake --install build/release --prefix "$(PREFIX)"
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile
clean: ## remove build/
	@rm -rf build
