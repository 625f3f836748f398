# Installing and packaging: manual pages, completions, pkg-config; Debian packages; a container image.

version := $(patsubst %$(comma),%,$(word 2,$(shell grep -m 1 '^## ' tools/package/CHANGELOG.md)))

LIBDIR ?= $(PREFIX)/lib
share := build/share
here := tools/package

# The version is known to one source alone, so that another one costs no more.
version_objects := $(build)/src/core/version.o $(build)/fuzz/obj/src/core/version.o
$(version_objects): all_cxxflags += -DOTT_VERSION='"$(version)"'
$(version_objects): $(here)/CHANGELOG.md

page_of = $(filter-out $(here)/%,$(filter %.md,$^))
manuals := $(addprefix $(share)/,ottd.1 ott-load.1 ottd-topology.5 ottd-protocol.7)
$(share)/ottd.1: src/app/OTTD.md
$(share)/ott-load.1: tools/load/OTT-LOAD.md
$(share)/ottd-topology.5: src/core/TOPOLOGY.md
$(share)/ottd-protocol.7: src/core/PROTOCOL.md
$(manuals): $(here)/man $(here)/manual.py $(here)/CHANGELOG.md | needs-install
	$(call say,MAN   $@)
	$(Q)mkdir -p $(@D) && $(here)/man $(page_of) >$@

shells := bash zsh fish
completions := $(foreach shell,$(shells),$(share)/ottd.$(shell) $(share)/ott-load.$(shell))
$(addprefix $(share)/ottd.,$(shells)): src/app/OTTD.md
$(addprefix $(share)/ott-load.,$(shells)): tools/load/OTT-LOAD.md
$(completions): $(here)/completion $(here)/manual.py | needs-install
	$(call say,SHELL $@)
	$(Q)mkdir -p $(@D) && $(here)/completion $(patsubst .%,%,$(suffix $@)) $(page_of) >$@

.PHONY: needs-install needs-package
needs-install: ; $(Q)tools/deps $(packages) $(install_packages)
needs-package: ; $(Q)tools/deps $(packages) $(package_packages)

.PHONY: share
share: $(manuals) $(completions) ## the manual pages and the completions of bash, zsh and fish, in build/share/

# What goes where below PREFIX. Shells look for completions in these folders, also below /usr/local.
installed_share := $(foreach page,$(manuals),share/man/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page))) \
  $(foreach program,ottd ott-load,share/bash-completion/completions/$(program) \
    share/zsh/site-functions/_$(program) share/fish/vendor_completions.d/$(program).fish)

.PHONY: install
install: $(program) $(load) $(lib) share ## install programs, libott, manuals and completions: DESTDIR= PREFIX=/usr/local
	$(Q)install -D -m 755 $(program) $(DESTDIR)$(PREFIX)/bin/ottd
	$(Q)install -D -m 755 $(load) $(DESTDIR)$(PREFIX)/bin/ott-load
	$(Q)install -D -m 644 $(lib) $(DESTDIR)$(LIBDIR)/libott.a
	$(Q)install -d $(DESTDIR)$(PREFIX)/include/ott $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)install -m 644 include/ott/*.h $(DESTDIR)$(PREFIX)/include/ott/
	$(Q)sed 's|@prefix@|$(PREFIX)|; s|@libdir@|$(LIBDIR)|; s|@version@|$(version)|' $(here)/libott.pc.in \
	  >$(DESTDIR)$(LIBDIR)/pkgconfig/libott.pc
	$(Q)for page in $(manuals); do \
	  install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	$(Q)for name in ottd ott-load; do \
	  install -D -m 644 $(share)/$$name.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name; \
	  install -D -m 644 $(share)/$$name.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$name; \
	  install -D -m 644 $(share)/$$name.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$name.fish; done

.PHONY: uninstall
uninstall: ## remove what `make install` put there: DESTDIR= PREFIX=/usr/local
	$(Q)rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/ottd bin/ott-load $(wildcard include/ott/*.h) $(installed_share))
	$(Q)rm -f $(DESTDIR)$(LIBDIR)/libott.a $(DESTDIR)$(LIBDIR)/pkgconfig/libott.pc
	$(Q)rmdir $(DESTDIR)$(PREFIX)/include/ott 2>/dev/null || true

.PHONY: deb
deb: needs-package ## Debian packages ottd, libott-dev and ott-tools, checked by lintian: build/deb/
	$(Q)$(here)/deb

IMAGE ?= ottd:$(version)
.PHONY: container
container: ## an image of IMAGE (ottd:VERSION), by podman, buildah or docker
	$(Q)$(here)/container $(IMAGE)

# By the linter that editors use.
.PHONY: lint-container
lint-container: needs-page
	$(Q)npm exec --yes --loglevel error -- dockerfile-utils@0.16.3 lint $(here)/Containerfile
lint: lint-container
