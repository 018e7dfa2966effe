import Foundation
import Testing

@Suite("what a crash has left", .enabled(if: geteuid() == 0, "needs root"))
struct LeftoversTests {
    @Test("the next container's create removes what nobody makes any more, and nothing else")
    func sweep() throws {
        let text = try World.run(
            """
            mount -t tmpfs none /var/lib; true & dead=$!; wait $dead
            mkdir -p /run/runcvm/lives /var/lib/runcvm/containers/{lives,dead} /var/lib/runcvm/images
            touch /var/lib/runcvm/images/ab.{erofs.$dead.new,erofs.$$.new,made,lock}
            touch /run/runcvm/.host-mode.lock /run/runcvm/.ip_forward.{$dead,$$}.new; mkdir /run/runcvm/web.$dead.new
            mkdir /run/bundle; echo '{}' >/run/bundle/config.json
            "$runcvm" oci-adapt --id web --bundle /run/bundle 2>/dev/null || true
            find /var/lib/runcvm /run/runcvm -mindepth 1 | sed "s/$dead/DEAD/; s/[.]$$/.LIVE/" | sort
            """)
        #expect(
            text
                == """
                /run/runcvm/.host-mode.lock
                /run/runcvm/.ip_forward.LIVE.new
                /run/runcvm/lives
                /run/runcvm/web.DEAD.new
                /var/lib/runcvm/containers
                /var/lib/runcvm/containers/lives
                /var/lib/runcvm/images
                /var/lib/runcvm/images/ab.erofs.LIVE.new
                /var/lib/runcvm/images/ab.lock
                /var/lib/runcvm/images/ab.made

                """)
    }

    @Test(
        "fc-config leaves no keys, whatever it says of its arguments and input; where it is killed, the next create does"
    )
    func keys() throws {
        let text = try World.run(
            """
            left() { find /run/runcvm /tmp -name '.keys*'; }
            # The checkout may be in /tmp.
            touch /run/program; mount --bind "$runcvm" /run/program; runcvm=/run/program
            mount -t tmpfs none /var/lib; mount -t tmpfs none /tmp
            refused() { "$@" </run/plan >/dev/null 2>&1 && echo "taken: $*"; left; }
            $runcvm net-plan --netns /run/netns/web >/run/plan
            for more in "" --dry-run; do
                refused $runcvm fc-config $more || true; refused $runcvm fc-config --rootfs /none --kernel /none $more || true
                refused $runcvm fc-config --cpus 99 --rootfs /bin/sh $more || true; echo | $runcvm fc-config $more 2>/dev/null || left
            done
            mkfifo /run/document; $runcvm fc-config <>/run/document & made=/run/runcvm/.keys.$!.new
            until [ -e $made/host.pub ] && [ -e $made/client.pub ]; do sleep 0.01; done
            stat -c '%a %n' $made $made/{client,host} | sed "s/$!/PID/"
            kill -9 $!; wait $! || true; left | sed "s/$!/PID/"
            mkdir /run/bundle; echo '{}' >/run/bundle/config.json
            "$runcvm" oci-adapt --id web --bundle /run/bundle 2>/dev/null || true
            left
            """)
        #expect(
            text
                == """
                700 /run/runcvm/.keys.PID.new
                600 /run/runcvm/.keys.PID.new/client
                600 /run/runcvm/.keys.PID.new/host
                /run/runcvm/.keys.PID.new

                """)
    }
}
