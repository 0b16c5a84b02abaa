/** The weather in one place, now. Texts as the wire wants them. */
export interface CurrentWeather {
  /** The place as the provider names it, in Chinese where it knows how. */
  readonly city: string;
  /** Degrees Celsius, rounded to a whole number: "25". */
  readonly temp: string;
  /** A few Chinese characters: "晴". */
  readonly text: string;
  /** QWeather icon code, which every provider's conditions are mapped to: "100". "999" is unknown. */
  readonly icon: string;
  /** When the observation was made, ISO 8601 with a zone. */
  readonly updateTime: string;
  /** Which provider said so: its setting's name. */
  readonly provider: string;
}

/** Knows the weather of a city. */
export interface WeatherProvider {
  /**
   * Current weather of `city`: any text of 1 to 100 characters, which the provider only ever passes on as a parameter.
   * Answers at once where it can (fixed, cached).
   * @throws GatewayError `CITY_NOT_FOUND` when no place has that name; `UPSTREAM_FAILED` for everything else, without the upstream's words
   */
  now(city: string, signal: () => AbortSignal): CurrentWeather | Promise<CurrentWeather>;
}
