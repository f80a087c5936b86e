# What a newcomer types. Each target hands over to dev/xtask, where the logic is.
.PHONY: help up down reset status logs test bench fmt

help:
	@echo 'make up      install what is missing, build, start two regions and return when everything answers'
	@echo 'make status  what runs, on which port, and whether it answers'
	@echo 'make logs    follow every log of the stack'
	@echo 'make down    stop the stack; data stay in .domicile/'
	@echo 'make reset   stop the stack and delete its data'
	@echo 'make test    every check of CI, with a stack of its own'
	@echo 'make bench   measure against nginx, HAProxy and pgbench; writes docs/benchmarks.md'
	@echo 'make fmt     format the code'

up down reset status logs test bench:
	@dev/bootstrap.sh $@

fmt:
	@cargo fmt --all
