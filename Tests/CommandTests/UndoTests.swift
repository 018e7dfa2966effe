import Foundation
import Testing

/// A verb that fails undoes what it did itself, and no more.
@Suite("a verb that fails", .enabled(if: geteuid() == 0, "needs root"))
struct UndoTests {
    /// `fails STATUS VERB…` says so where the verb ends otherwise, or writes something.
    private func run(_ script: String) throws -> String {
        try World.run(
            #"""
            mount -t tmpfs none /var/lib; mkdir -p /run/dist /run/bundle/root; cd /run; exec 3>&1
            cp "$runcvm" /run/dist/runcvm; runcvm=/run/dist/runcvm; touch dist/{vmlinux,initrd} disk
            for name in firecracker busybox; do cp /bin/true dist/$name; done
            echo '{"process":{"cwd":"/","args":["x"],"env":[]},"root":{"path":"root"},
                "linux":{"namespaces":[{"type":"network"}]}}' >bundle/config.json
            fails() {
                local wanted=$1 status=0 error=/run/error; shift
                "$@" 2>$error || status=$?
                [ $status = $wanted ] || { echo "$* ended with $status:"; cat $error; } >&3
            }
            left() { find /run/runcvm /var/lib -mindepth 1 ! -name '.*' 2>/dev/null | sort; }
            """# + "\n\(script)")
    }

    @Test("fc-config leaves none of its files, and puts back those of a call before")
    func machine() throws {
        let text = try run(
            """
            config() { $runcvm fc-config --rootfs disk "$@" <plan; }
            $runcvm net-plan --netns /run/netns/web >plan
            mkdir -p runcvm/web/guest.json; fails 73 config; left; rmdir runcvm/web/guest.json
            config >/dev/null; sums() { (cd runcvm/web; find . -type f -exec sha256sum {} + | sort; find . -printf '%p %m %U\\n' | sort); }
            sums >before
            rm runcvm/web/machine.json; mkdir runcvm/web/machine.json; fails 73 config --memory 128M; rmdir runcvm/web/machine.json
            sums | diff before - | grep '[<>]' | grep -v machine.json || true
            """)
        #expect(text == "/run/runcvm/web\n/run/runcvm/web/guest.json\n", "\(text)")
    }

    @Test("oci-adapt and create leave no jail where the bundle cannot be written")
    func jail() throws {
        let text = try run(
            """
            mkdir dist/ssh; touch dist/ssh/ssh; printf '#!/bin/sh\\n' >dist/crun; chmod +x dist/crun; export RUNCVM_OCI_RUNTIME=/run/dist/crun
            mount --bind bundle bundle; mount -o remount,bind,ro bundle
            fails 73 $runcvm oci-adapt --id web --bundle bundle; left
            fails 73 $runcvm runtime create --bundle bundle web; left
            umount bundle; $runcvm oci-adapt --id web --bundle bundle; [ -d runcvm/web/jail ] && echo jailed
            """)
        #expect(
            text
                == "/var/lib/runcvm\n/var/lib/runcvm/containers\n/var/lib/runcvm\n/var/lib/runcvm/containers\njailed\n",
            "\(text)")
    }
}
