import Foundation
import Testing

/// The runtime around a crun and hooks of the test's own, on a container that has a jail.
@Suite("the runtime, when things go wrong", .enabled(if: geteuid() == 0, "needs root"))
struct RuntimeTests {
    /// `runtime VERB…` is the runtime, `hook NAME` writes a hook of stdin, `crun` one of it. `$directory` is the container's.
    private func run(_ script: String) throws -> String {
        try World.run(
            #"""
            export RUNCVM_OCI_RUNTIME=/run/dist/crun RUNCVM_HOOK_TIMEOUT=1 directory=/run/runcvm/web
            mkdir -p /run/dist/hooks $directory/jail; cp "$runcvm" /run/dist/runcvm-runtime
            crun() { (echo '#!/bin/bash'; cat) >/run/dist/crun; chmod +x /run/dist/crun; }
            hook() { (echo '#!/bin/bash'; cat) >/run/dist/hooks/$1; chmod +x /run/dist/hooks/$1; }
            runtime() { /run/dist/runcvm-runtime "$@" 2>&1; }
            crun <<<'echo "{\"id\":\"web\",\"pid\":1}"'
            hook poststop <<<'rm -r /run/runcvm/web; echo undone >>/run/undone'
            """# + "\n\(script)")
    }

    @Test("a hook that hangs is ended, with the name of what hung, and nothing of it runs on")
    func hangs() throws {
        let text = try run(
            """
            hook prestart <<<'true | sleep 1000 | cat'
            runtime start web || echo "exit $?"; pgrep -a sleep | grep -v defunct || true
            hook poststop <<<'sleep 1000'
            runtime delete --force web || echo "exit $?"; pgrep -a sleep | grep -v defunct || true
            """)
        #expect(
            text
                == """
                runcvm-runtime runtime: hooks/prestart: sleep 1000 has not ended after 1 s; RUNCVM_HOOK_TIMEOUT allows more
                exit 75
                {"id":"web","pid":1}
                runcvm-runtime runtime: hooks/poststop: sleep 1000 has not ended after 1 s; RUNCVM_HOOK_TIMEOUT allows more
                exit 75

                """.replacing("runcvm-runtime runtime", with: "runcvm runtime"))
    }

    @Test("a real runtime that hangs is ended, and nothing is undone of which nobody knows whether it runs")
    func realHangs() throws {
        let text = try run(
            """
            crun <<<'case $* in *state*) sleep 1000 ;; esac'
            runtime start web || echo "exit $?"; pgrep -a sleep | grep -v defunct || true
            ls $directory; [ ! -e /run/undone ]
            """)
        #expect(
            text
                == """
                runcvm runtime: /run/dist/crun: sleep 1000 has not ended after 1 s; RUNCVM_HOOK_TIMEOUT allows more
                exit 75
                jail

                """)
    }

    @Test("what a hook warns of is in the engine's log, and on stderr")
    func warns() throws {
        let text = try run(
            """
            hook prestart <<<'echo "runcvm bridge-alias: nft not found" >&2'
            runtime --log /run/log --log-format json start web; jq -r '.level, .msg' /run/log
            """)
        #expect(
            text == """
                runcvm bridge-alias: nft not found
                {"id":"web","pid":1}
                warning
                runcvm bridge-alias: nft not found

                """)
    }

    @Test("what a taken-over VMM puts in the way of an exec's request is neither written to nor given away")
    func planted() throws {
        let text = try run(
            """
            mkdir $directory/vm; echo '{"process":{"args":["x"]}}' >$directory/config.json; echo kept >/run/victim; chown 7 /run/victim
            chown 1234 $directory/jail $directory/vm
            for i in $(seq $$ $(($$ + 99))); do ln -s /run/victim $directory/vm/exec-$i.json; done
            crun <<<'cat /run/victim; stat -c %u /run/victim; find /run/runcvm/web/vm -type f -printf "%m %U\n"'
            runtime exec web true
            """)
        #expect(text.hasPrefix("kept\n7\n600 "), "\(text)")
    }

    @Test("a hook that hangs, and whose start has been killed, is ended by delete, which undoes what it did")
    func orphaned() throws {
        let text = try run(
            """
            mkfifo /run/begun; hook prestart <<<'echo >/run/begun; exec sleep 1000'
            runtime start web & read -r line </run/begun; kill -9 $(pgrep -f runcvm-runtime); wait $! || true
            pgrep -a sleep
            runtime delete --force web; pgrep -a sleep | grep -v defunct || true; cat /run/undone; ls /run/runcvm
            """)
        #expect(
            text.replacing(#/[0-9]+ sleep/#, with: "PID sleep").replacing(#/process [0-9]+/#, with: "process PID")
                == """
                PID sleep 1000
                {"id":"web","pid":1}
                runcvm runtime: sleep 1000 (process PID), of a hook, has not ended after 1 s, and is killed
                undone

                """)
    }

    @Test("a killed verb of a hook is what start reports, not those that then had nothing to read")
    func killed() throws {
        let text = try run(
            """
            hook prestart <<<'kill -9 $BASHPID | { echo nothing to read >&2; false; }; exit ${PIPESTATUS[0]}'
            runtime start web || echo "exit $?"
            """)
        #expect(text == "runcvm runtime: hooks/prestart: a program of it was killed by signal 9\nexit 70\n")
    }

    @Test("a poststop that is killed runs again, so that delete succeeds")
    func killedUndo() throws {
        let text = try run(
            """
            hook poststop <<<'[ -e /run/undone ] || { echo >/run/undone; kill -9 $$; }; rm -r /run/runcvm/web'
            runtime delete web; ls /run/runcvm
            """)
        #expect(text == "{\"id\":\"web\",\"pid\":1}\n")
    }

    @Test("create of an id that runs is refused by the real runtime, and touches nothing of it")
    func createsTwice() throws {
        let text = try run(
            """
            echo ours >$directory/machine.json; mkdir /run/bundle; echo '{}' >/run/bundle/config.json
            crun <<<'case "$*" in *create*) echo "container web exists"; exit 1 ;; esac'
            runtime create --bundle /run/bundle web || echo "exit $?"; cat $directory/machine.json
            """)
        #expect(text == "container web exists\nexit 1\nours\n")
    }

    @Test("create undoes what a crash has left of an earlier container of that id")
    func createsAfterACrash() throws {
        let text = try run(
            """
            mkdir /run/bundle; echo '{}' >/run/bundle/config.json; crun <<<'exit 1'
            runtime create --bundle /run/bundle web || echo "exit $?"; cat /run/undone; ls /run/runcvm
            """)
        #expect(
            text == """
                runcvm runtime: config.json.process.args: missing or empty
                exit 65
                undone

                """)
    }

    @Test("create undoes what an engine has forgotten: a container whose VMM and shim have gone, and no other")
    func createsAfterAnother() throws {
        let text = try run(
            """
            true & dead=$!; wait $dead; mkdir /run/root /run/bundle; echo '{}' >/run/bundle/config.json
            for id in gone lives other hand ending; do
                mkdir -p /run/runcvm/$id/jail; touch /run/runcvm/$id/machine.json
                echo '{"version":1,"container":{"id":"'$id'","pid":'$dead'}}' >/run/runcvm/$id/state.json
                echo "$dead 1" >/run/runcvm/$id/engine
            done
            printf '%s' "$$ $(cut -d' ' -f22 /proc/$$/stat)" >/run/runcvm/ending/engine
            rm -r /run/runcvm/hand/jail; ln /run/runcvm/lives/machine.json /run/root/machine.json
            perl -e 'chroot "/run/root"; sleep 1000' & until [ -e /proc/$!/root/machine.json ]; do :; done
            sed -i "s/$dead/$!/" /run/runcvm/lives/state.json; sed -i "s/$dead/$$/" /run/runcvm/other/state.json
            crun <<<'echo "crun $*" >>/run/undone; exit 1'; hook poststop <<<'jq -r .id >>/run/undone'
            runtime --root /run/engine --log /run/log create --bundle /run/bundle new || true; cat /run/undone
            """)
        #expect(
            text == """
                runcvm runtime: config.json.process.args: missing or empty
                crun --root /run/engine delete --force gone
                gone
                crun --root /run/engine delete --force other
                other

                """)
    }

    @Test("a step of the undo that fails keeps none of the others from theirs; the next undo ends it")
    func undoes() throws {
        let hook = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../hooks/poststop").path
        let text = try World.run(
            """
            mkdir /run/bin; cat >/run/bin/runcvm <<'E'
            #!/bin/bash
            [ "$1" = nat-disable ] && [ -e /run/broken ] && { echo no iptables >&2; exit 69; }
            exec "$runcvm" "$@"
            E
            chmod +x /run/bin/runcvm; export PATH=/run/bin:$PATH; links() { ip -n web -o link | grep -c tap || true; }
            runcvm net-plan --netns /run/netns/web 2>/dev/null | runcvm state-save | runcvm tap-create | runcvm bridge-alias >/dev/null
            touch /run/broken; links
            for i in 1 2; do echo '{"id":"web"}' | \(hook) 2>&1 || echo "exit $?"; links; ls /run/runcvm; rm -f /run/broken; done
            """)
        #expect(text == "1\nno iptables\nexit 69\n0\nweb\n0\n")
    }
}
