# Short names for what the scripts and CMake presets do.
.PHONY: all run test bench format tidy coverage docs install clean
PREFIX ?= /usr/local

all:
	@tools/setup build
	@tools/build release
run:
	@./run
test:
	@./test
bench:
	@bench/run
format:
	@clang-format -i $$(git ls-files '*.c' '*.h')
tidy:
	@tools/setup build test dev
	@tools/build debug
	@git ls-files 'src/*.c' | xargs -P "$$(nproc)" -n 4 clang-tidy --quiet -p build/debug
coverage:
	@tools/setup build test dev
	@tools/build coverage
	@cd build/coverage && for t in unit/*; do ./$$t >/dev/null 2>&1 || echo "failed: $$t"; done
	@gcovr --root . --filter src/ --object-directory build/coverage
docs: all
	@tools/check-docs --write
install: all
	@cmake --install build/release --prefix "$(PREFIX)"
clean:
	@rm -rf build
