#!/bin/sh
# Debian packages that single tests need. Installs what is missing when it may, names it when not:
# those tests are then skipped with the same words (and fail under REQUIRE_ALL=1).
#   opencv-doc                    vtest.avi, a hazard-free street
#   gir1.2-gst-rtsp-server-1.0    a second, foreign RTSP server, with digest authentication
#   gstreamer1.0-plugins-good, python3-gi   for it
#   postgresql                    the second database; the tests start a private one each time
#   chromium                      the browser that opens the console
#   fonts-droid-fallback          Chinese letters for it: without them pages are measured wrongly
#   mosquitto                     the broker that orders are sent to over MQTT
#   ffmpeg                        a baseline of `fengsui bench`: a process a camera
set -eu
wanted="opencv-doc gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good python3-gi postgresql chromium fonts-droid-fallback mosquitto ffmpeg"
missing=""
for package in $wanted; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" \
		|| missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing for the tests:$missing"
	export DEBIAN_FRONTEND=noninteractive
	# Debian would make a PostgreSQL of its own and let it listen. Who has one keeps it.
	settings=/etc/postgresql-common/createcluster.conf
	if [ ! -e "$settings" ]; then
		mkdir -p "${settings%/*}"
		echo "create_main_cluster = false  # by deploy/system-packages.sh: tests bring their own" >"$settings"
	fi
	apt-get update -qq >/dev/null
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
	# The same with Debian's broker: tests start their own.
	case "$missing" in *mosquitto*) systemctl disable --now mosquitto >/dev/null 2>&1 || true ;; esac
else
	echo "some tests will be skipped; for them: sudo apt-get install --no-install-recommends$missing"
fi
