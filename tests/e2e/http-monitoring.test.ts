import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SlowWeather } from "./support/slow-weather.ts";
import { TestServer } from "./support/server.ts";
