// The service worker: sends what waits when the browser finds a connection again, tabs or not, and has a page for without one.
import { deliver } from "./queue.js";

const CACHE = "chorus.offline";
const DESK = /^\/p\/[^/]+\/rank\/$/;

// `offline` is the address of that page, `files` what it needs, `sender` who is signed in.
export const serve = ({ offline, files, sender }) => {
  const keepOfflinePage = async () => {
    const cache = await caches.open(CACHE);
    // Without cookies: what is kept on the device is nobody's own page.
    await cache.addAll([new Request(offline, { credentials: "omit", cache: "reload" }), ...files]);
    for (const { url } of await cache.keys()) {
      if (![offline, ...files].includes(new URL(url).pathname)) await cache.delete(url);
    }
  };

  self.addEventListener("install", (event) => event.waitUntil(keepOfflinePage().then(() => self.skipWaiting())));
  self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

  self.addEventListener("fetch", (event) => {
    const { request } = event;
    const { pathname, origin } = new URL(request.url);
    if (request.method !== "GET" || origin !== self.location.origin) return;
    if (request.mode === "navigate" && DESK.test(pathname)) {
      event.respondWith(fetch(request).catch(() => caches.match(offline)));
    } else if (files.includes(pathname)) {
      event.respondWith(fetch(request).catch(() => caches.match(pathname)));
    }
  });

  self.addEventListener("sync", (event) => {
    if (event.tag !== "queue") return;
    const send = async () => {
      const hindrance = await deliver({}, sender);
      for (const client of await self.clients.matchAll()) client.postMessage("delivered");
      // The browser tries again later where this is rejected; signing in is up to the person.
      if (["offline", "failed"].includes(hindrance)) throw new Error(hindrance);
    };
    event.waitUntil(send());
  });
};
