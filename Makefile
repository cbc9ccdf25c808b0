# A thin front door; meson.build has the build.
BUILD ?= build
.PHONY: all test test-vm test-vm-bookworm test-power-cuts unit bench install format check clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)
	@for p in cli/minato daemon/minatod shim/minato-shim runtime/minato-runtime init/minato-init image/minato-unpack worker/minato-decompress tunnel/minato-tunnel; do \
	    ln -sf src/$$p $(BUILD)/$${p#*/}; done
$(BUILD)/build.ninja:
	@meson setup $(BUILD) $(MESON_FLAGS)
unit: all
	@meson test -C $(BUILD) --suite unit --print-errorlogs
test: all
	@tests/run
test-vm: all
	@tests/vm/run
test-vm-bookworm: all
	@tests/vm/run --kernel bookworm
test-power-cuts: all
	@tests/vm/power_cuts
bench: all
	@bench/run
install: all
	@DESTDIR="$(DESTDIR)" meson install -C $(BUILD)
# The socket's group and the units are known to systemd at once, where that runs.
	@[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || { systemd-sysusers && systemctl daemon-reload; }
format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i
check: all
	@tools/check-layers
	@tools/check-format
	@tools/check-static all
clean:
	@rm -rf $(BUILD)
