import { createApp } from "vue";
import App from "./App.vue";
import { router } from "./router";
import { loadSession } from "./session";
import { useKeptTheme } from "./theme";
import { loadWords, words } from "./words";
import "./looks/tokens.css";
import "./looks/base.css";
import "./looks/controls.css";
import "./looks/pages.css";
import "./looks/print.css";

useKeptTheme();
await Promise.all([loadWords(), loadSession()]);
createApp(App).use(words).use(router).mount("#console");
